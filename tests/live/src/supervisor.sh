# Runs a server in this shell's process group, and ends the whole group when the
# one who started it is gone or says so: the pipe on standard input is closed
# then, whatever way that process ended.
folder=$1 log=$2
shift 2
(
    "$@" </dev/null >>"$log" 2>&1
    echo "exited $?"
) &
server=$!
read -r _
trap '' TERM
kill -TERM 0
(
    sleep 5
    kill -KILL 0
) >/dev/null 2>&1 &
last=$!
# The files go first: the group ends with whoever waits for it.
wait "$server" 2>/dev/null
kill -KILL "$last" 2>/dev/null
rm -rf "$folder"
kill -KILL 0
