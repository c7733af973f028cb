# Runs a server in a session of its own, and ends it when the one who started it
# says so or is gone: the pipe on standard input is closed then, whatever way that
# process ended. A private server is thrown away, so nothing in it is closed in order.
folder=$1 log=$2
shift 2
exec 3<&0
setsid "$@" </dev/null >>"$log" 2>&1 3<&- &
server=$!
# Nobody may listen any more when the end is said.
trap '' PIPE
echo "pid $server"
(
    read -r _ <&3
    # The second for a server that has no session yet.
    kill -s KILL -- "-$server" || kill -s KILL "$server"
) >/dev/null &
killer=$!
wait "$server"
how=$?
# What the server left, at once: later the number may be another's.
kill -s KILL -- "-$server"
kill -s KILL "$killer"
echo "exited $how"
read -r _ <&3
rm -rf "$folder"
