#!/bin/bash
# Boots this machine's own systemd as PID 1 of a throw-away guest and keeps it up until standard
# input is closed. Needs root, util-linux, cgroup v2 and overlayfs. Called by conftest.py.
#
#   guest.sh LIMIT_SECONDS [BIND_SOURCE:GUEST_PATH]...
#
# The guest's / is this machine's under an overlay in memory, with its own processes, mounts,
# network (loopback only), host name and cgroups; the sources are bound into it, read-only.
# Says "guest PID" (as seen here) once PID 1 runs, or "no guest: REASON".
#
# Whatever happens to the caller, nothing stays: mounts live in a mount namespace that ends with
# this script, the guest's processes end with their PID 1, which ends with this script, and the
# cgroups are removed at the end, or by the next run if this script itself was killed.
set -u
refuse() { echo "no guest: $*"; exit 1; }

if [ -z "${GUEST_NAMESPACE:-}" ]; then
    unshare --mount true 2>/dev/null || refuse "mount namespaces are not allowed here"
    GUEST_NAMESPACE=1 exec unshare --mount --propagation private -- "$0" "$@"
fi

limit=$1
shift
prefix=canvas-live-events-guest
base= group= runner= machine= up=

leave() {
    trap '' INT TERM HUP
    if [ -n "$machine" ] && kill -KILL "$machine" 2>/dev/null; then
        wait "$runner"
    fi 2>/dev/null
    if [ -n "$group" ]; then
        echo 1 2>/dev/null >"$group/cgroup.kill"
        for _ in $(seq 50); do
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
            [ -d "$group" ] || break
            sleep 0.1
        done
    fi
    [ -z "$base" ] || { umount --recursive --lazy "$base"; rmdir "$base"; } 2>/dev/null
}
trap leave EXIT
trap 'exit 1' INT TERM HUP

# --- the tree -------------------------------------------------------------------------------
base=$(mktemp -d "/tmp/$prefix.XXXXXX") || refuse "no temporary folder"
mount -t tmpfs -o mode=0755 guest "$base" || refuse "tmpfs cannot be mounted"
mkdir "$base"/{upper,work,root,cgroup}
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" guest "$base/root" \
    2>/dev/null || refuse "an overlay of / cannot be mounted"
R=$base/root
mkdir -p "$R"/{proc,sys,dev,run,tmp,etc/systemd}
mount -t tmpfs -o mode=1777,nosuid,nodev guest "$R/tmp"
# Nothing that is enabled on this machine is started in the guest.
mount -t tmpfs -o mode=0755,nosuid,nodev guest "$R/etc/systemd"
mkdir -p "$R"/etc/systemd/system "$R"/var/log/journal
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-modules-load.service \
    systemd-sysctl.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    systemd-firstboot.service systemd-networkd.service systemd-resolved.service \
    systemd-timesyncd.service dev-hugepages.mount; do
    ln -s /dev/null "$R/etc/systemd/system/$unit"
done
rm -f "$R/etc/fstab" "$R/etc/machine-id"
: >"$R/etc/machine-id"
echo guest >"$R/etc/hostname"
for bind in "$@"; do
    mkdir -p "$R${bind#*:}"
    mount --bind "${bind%%:*}" "$R${bind#*:}" || refuse "cannot bind ${bind%%:*}"
    mount -o remount,bind,ro "$R${bind#*:}"
done
cat >"$R/etc/systemd/system/guest.target" <<'UNIT'
[Unit]
Description=All that the guest starts by itself
Requires=basic.target
After=basic.target
UNIT

# --- its cgroups: a branch of its own ---------------------------------------------------------
mount -t cgroup2 guest "$base/cgroup" 2>/dev/null || refuse "there is no cgroup v2"
for old in "$base/cgroup/$prefix".*; do # of a run that was killed itself
    [ -d "$old" ] && grep -q 'populated 0' "$old/cgroup.events" || continue
    [ -n "$(find "$old" -maxdepth 0 -mmin +5)" ] || continue
    find "$old" -depth -type d -exec rmdir {} + && rmdir "/tmp/${old##*/}"
done 2>/dev/null
group=$base/cgroup/${base##*/}
mkdir "$group" 2>/dev/null || { group=; refuse "cgroups cannot be made here"; }

# --- the boot -----------------------------------------------------------------------------------
inside='
mount -t proc -o nosuid,nodev,noexec proc "$R/proc"
mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$R/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$R/sys/fs/cgroup"
for kernel in sys sysrq-trigger irq bus; do # the kernel is not the guest'"'"'s own
    [ ! -e "$R/proc/$kernel" ] || {
        mount --bind "$R/proc/$kernel" "$R/proc/$kernel"
        mount -o remount,bind,ro,nosuid,nodev,noexec "$R/proc/$kernel"
    }
done
mount -t tmpfs -o mode=0755,nosuid guest "$R/dev"
for node in null zero full random urandom tty; do
    : >"$R/dev/$node"
    mount --bind "/dev/$node" "$R/dev/$node"
done
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"
mount -t tmpfs -o mode=1777,nosuid,nodev guest "$R/dev/shm"
ln -s /proc/self/fd "$R/dev/fd"
: >"$R/dev/console"
mount -t tmpfs -o mode=0755,nosuid,nodev guest "$R/run"
cd "$R"
pivot_root . .
umount -l .
cd /
mount --make-rshared / # systemd mounts credentials beside itself and expects to see them
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    container=guest TERM=dumb \
    setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog,-mac_admin,-mac_override \
    /lib/systemd/systemd --system --unit=guest.target --log-color=no --show-status=no
'
export R
(
    echo "$BASHPID" >"$group/cgroup.procs" || exit 1
    exec setpriv --pdeathsig KILL unshare --fork --kill-child --pid --mount --uts --ipc --cgroup \
        --net --propagation private -- bash -euc "$inside" guest
) </dev/null >"$base/console" 2>&1 &
runner=$!
for _ in $(seq 200); do
    read -r machine _ </proc/$runner/task/$runner/children # no newline at its end: no status
    [ -n "$machine" ] && [ "$(cat "/proc/$machine/comm")" = systemd ] && up=yes && break
    [ -d /proc/$runner ] || break
    sleep 0.05
done 2>/dev/null
[ -n "$up" ] || refuse "systemd could not be started: $(tail -n 3 "$base/console" | tr '\n' ' ')"
echo "guest $machine"

# Until the caller closes our input, is gone, or has had its time.
read -r -t "$limit" _
exit 0
