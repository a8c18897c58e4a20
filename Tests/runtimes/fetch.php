<?php
// libcapdist with PHP's FFI, which reads the whole preprocessed header. `fetch.php LIBRARY DECLARATIONS PORT`.
[, $library, $declarations, $port] = $argv;
$poll = FFI::cdef("typedef struct { int fd; short events, revents; } pollfd; int poll(pollfd *fds, unsigned long count, int timeout);");
$capdist = FFI::cdef(file_get_contents($declarations), $library);

function connected(int $mode): FFI\CData {
    global $capdist, $port;
    $options = $capdist->new("capdist_options");
    $capdist->capdist_options_init(FFI::addr($options), FFI::sizeof($options));
    $options->port = (int) $port;
    $options->mode = $mode;
    $conn = $capdist->new("capdist_conn *");
    if ($capdist->capdist_init_connect(FFI::addr($options), FFI::addr($conn)) !== $capdist->CAPDIST_OK) exit(1);
    return $conn;
}

// PHP has one thread: a wait in C blocks everything.
$conn = connected($capdist->CAPDIST_MODE_THREAD);
$security = $capdist->new("capdist_security");
foreach (["HK.00700", "HK.99999", "nonsense"] as $name) {
    if ($capdist->capdist_security_parse($name, FFI::addr($security)) !== $capdist->CAPDIST_OK) {
        echo $name, " ", $capdist->capdist_last_error(), "\n";
        continue;
    }
    $reply = $capdist->new("capdist_reply *");
    $status = $capdist->capdist_fetch_capital_distribution($conn, FFI::addr($security), null, FFI::addr($reply));
    $ok = $status === $capdist->CAPDIST_OK;
    echo $name, " ", $ok ? sprintf("%.0f", $reply->distribution->capital_in_big) : FFI::string($reply->desc), "\n";
    $capdist->capdist_reply_free($reply);
}
$capdist->capdist_release($conn);

// Callbacks run only inside calls of this thread.
$conn = connected($capdist->CAPDIST_MODE_HOST_DRIVEN);
$answer = null;
$on_reply = function ($conn, $serial_no, $reply, $user_data) use (&$answer): void {
    $answer = $reply->distribution->capital_in_big;
};
$capdist->capdist_security_parse("HK.00700", FFI::addr($security));
$capdist->capdist_get_capital_distribution($conn, FFI::addr($security), null, $on_reply, null, null);
$wait = $poll->new("pollfd");
$wait->fd = $capdist->capdist_get_fd($conn);
$wait->events = 1; // POLLIN
while ($answer === null && $poll->poll(FFI::addr($wait), 1, 10000) > 0) $capdist->capdist_process($conn);
printf("callback %.0f\n", $answer);
$capdist->capdist_release($conn);
