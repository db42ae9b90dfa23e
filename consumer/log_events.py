"""The names of all log events: what an operator greps for and alarms on.

A name is stable once released. Every line also has `level` and `timestamp`; never a body, a receipt
handle, a secret or a person's data.
"""

from typing import Final

# Life of the process
STARTING: Final = "starting"  # version, queue, handlers
READY: Final = "ready"  # the first receive succeeded
SUMMARY: Final = "summary"  # each minute: received, handled, failed, deleted, in flight, lag
UNHEALTHY: Final = "unhealthy"  # no progress somewhere, or every receive fails
HEALTHY: Final = "healthy"  # progress again
DRAINING: Final = (
    "draining"  # reason; a stop was requested: no more receives, what runs is finished
)
DRAINED: Final = "drained"  # the totals: handled, deleted, released, abandoned
PAUSED: Final = "paused"  # by an operator: nothing is received until "resumed" or a restart
RESUMED: Final = "resumed"  # by an operator
CONTROL_OFF: Final = "control_off"  # reason; `consume status` and others can't reach this daemon
STOPPED: Final = "stopped"  # exit code and why
LOOP_DIED: Final = "loop_died"  # a bug: an engine thread ended with an exception; exit 70
UNCAUGHT: Final = "uncaught_exception"  # in which thread, its type and place
UNUSUALLY_QUIET: Final = "unusually_quiet"  # no event for so many minutes, how many are usual
USUAL_AGAIN: Final = "usual_again"  # events come again, after so many minutes
USUAL_TRAFFIC_FAILED: Final = "usual_traffic_failed"  # its file could not be read or written
USUAL_TRAFFIC_SET_ASIDE: Final = "usual_traffic_set_aside"  # a damaged file was renamed
PING_FAILED: Final = "ping_failed"  # reason, failures in a row; logged once an hour
PING_RECOVERED: Final = "ping_recovered"  # after how many failures
COMPANION_FAILED: Final = "companion_failed"  # a bug: metrics or control ended; the rest goes on
TEXTFILE_FAILED: Final = "textfile_failed"  # code, path; the metrics could not be written
HTTP_FAILED: Final = "http_failed"  # a bug: an answer of the metrics or the control socket
THREADS_LEFT: Final = "threads_left"  # the process ended without a handler's threads
THREADS_MISSING: Final = "threads_missing"  # the system allows fewer threads than configured
LINES_SUPPRESSED: Final = "lines_suppressed"  # repeats of failures too many to log one by one
THREAD_STACK: Final = "thread_stack"  # after SIGUSR1: thread, and where it is
LINES_DROPPED: Final = "lines_dropped"  # how many lines of the log could not be written
OUTPUT_FAILED: Final = "output_failed"  # standard output, where handlers print; exit code 74
LOG_CALL_FAILED: Final = "log_call_failed"  # a library logged arguments that do not fit its message

# Queue
QUEUE_CHECK: Final = "queue_check"  # the queue's attributes, before the first receive
QUEUE_CHECK_FAILED: Final = "queue_check_failed"  # code, attempt; will be retried
CREDENTIALS_NOT_READY: Final = "credentials_not_ready"  # code, reason, attempt; will be retried
CREDENTIALS_SLOW: Final = "credentials_slow"  # the search for credentials takes long: where
CREDENTIALS_CHANGED: Final = "credentials_changed"  # the files hold another key, used from now on
CREDENTIALS_KEPT: Final = "credentials_kept"  # reason; the files hold no usable key: the old one
QUEUE_WARNING: Final = "queue_warning"  # a setting of the queue that causes trouble
TRANSPORT_BOTOCORE: Final = "transport_botocore"  # reason; SQS is called by botocore's HTTP
CLOCK_SKEW: Final = "clock_skew"  # seconds; this machine's clock differs from AWS's
MESSAGE_NOT_UNDERSTOOD: Final = "message_not_understood"  # an item in SQS's answer is not a message
RECEIVE_FAILED: Final = "receive_failed"  # code, next attempt in seconds
RECEIVE_RECOVERED: Final = "receive_recovered"  # after how many failures
QUEUE_STALLED: Final = "queue_stalled"  # it holds messages, and every receive is empty
QUEUE_UNSTALLED: Final = "queue_unstalled"  # receives return messages again
DELETE_FAILED: Final = "delete_failed"  # handled; deleted when it is delivered again
VISIBILITY_FAILED: Final = "visibility_failed"  # a change of visibility failed
VISIBILITY_LOST: Final = "visibility_lost"  # another consumer may get it, too
DUPLICATE_RECEIVED: Final = "duplicate_received"  # came again while in flight here

# Signed events
SIGNING_KEYS: Final = "signing_keys"  # how many new keys of Canvas were found, and are known
SIGNING_KEYS_FAILED: Final = "signing_keys_failed"  # reason; the known keys stay in use
SIGNING_KEYS_SET_ASIDE: Final = "signing_keys_set_aside"  # a damaged file was renamed
SIGNING_KEY_UNKNOWN: Final = "signing_key_unknown"  # the message waits, and the key is asked for
SIGNATURE_REFUSED: Final = "signature_refused"  # reason: forged, damaged, or not signed

# Webhook
WEBHOOK_SUMMARY: Final = "webhook_summary"  # each minute: answers since the last, and of 24 hours
WEBHOOK_REFUSED: Final = "webhook_refused"  # status, reason: the post gets an error
WEBHOOK_SEND_FAILED: Final = "webhook_send_failed"  # code, reason; the posts get 503
WEBHOOK_SEND_RECOVERED: Final = "webhook_send_recovered"  # after how many failed requests
WEBHOOK_COUNTS_FAILED: Final = "webhook_counts_failed"  # reason: the counts of 24 hours
WEBHOOK_FAILED: Final = "webhook_failed"  # a bug: the post gets 503

# Messages and handlers
MESSAGE_RECEIVED: Final = "message_received"  # debug
MESSAGE_SETTLED: Final = "message_settled"  # debug
QUARANTINED: Final = "quarantined"  # reason; a poison message was set apart, and is deleted
QUARANTINE_FAILED: Final = "quarantine_failed"  # it could not be set apart and stays in the queue
UNDECODABLE: Final = "undecodable"  # reason; left to the redrive policy
HANDLER_FAILED: Final = "handler_failed"  # handler, event name, error type, place; will be retried
HANDLER_REJECTED: Final = "handler_rejected"  # handler, reason; left to the redrive policy
HANDLER_RETRY: Final = "handler_retry"  # the handler asked for it
HANDLER_STUCK: Final = "handler_stuck"  # ran past its timeout and has not returned
HANDLER_UNSTUCK: Final = "handler_unstuck"  # returned after all
BREAKER_OPENED: Final = "breaker_opened"  # a handler fails repeatedly: it is paused
BREAKER_STILL_OPEN: Final = "breaker_still_open"  # the probe failed, next one in seconds
BREAKER_CLOSED: Final = "breaker_closed"  # a probe succeeded: the held events go on
CLOSE_FAILED: Final = "close_failed"  # a handler could not close; all was settled before
EVENT: Final = "event"  # the log handler's line

# Ledger
LEDGER_OPENED: Final = "ledger_opened"  # how many messages it remembers as handled
LEDGER_OFF: Final = "ledger_off"  # code; it is in memory only
LEDGER_FAILED: Final = "ledger_failed"  # code, next_attempt_seconds; it goes on in memory
LEDGER_RECOVERED: Final = "ledger_recovered"  # writes succeed again
LEDGER_SET_ASIDE: Final = "ledger_set_aside"  # a damaged or foreign file was renamed

# Catalog
UNKNOWN_EVENT: Final = "unknown_event"  # a name that the catalog does not list, once each
UNKNOWN_FIELD: Final = "unknown_field"  # a field that the catalog does not list, once each
DATA_MISFIT: Final = "data_misfit"  # an event does not fit its model, once for each name
CATALOG_WATCH_FAILED: Final = "catalog_watch_failed"  # a bug: events are not compared any more

# Archive
ARCHIVE_REPAIRED: Final = "archive_repaired"  # a torn last line was set apart
ARCHIVE_CHANGED: Final = "archive_changed"  # another program cut or edited a file that is in use
ARCHIVE_REPAIR_FAILED: Final = "archive_repair_failed"  # left as it is; new events are archived
ARCHIVE_COMPRESSED: Final = "archive_compressed"
ARCHIVE_DELETED: Final = "archive_deleted"  # old files, as keep_days and keep_bytes say
ARCHIVE_UPKEEP_FAILED: Final = "archive_upkeep_failed"  # tried again when the next file is begun

# Databases
VIEWS_KEPT: Final = "views_kept"  # as they were: they are in use, or were made by the user

# Configuration
CONFIG_WARNING: Final = "config_warning"  # allowed, but probably not intended
RELOADED: Final = "reloaded"  # handlers, seconds; keys that keep their values until a restart
RELOAD_FAILED: Final = "reload_failed"  # errors; the daemon goes on as before
