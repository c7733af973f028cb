# Starts a server, says so, and stops it when told how, or when the one who
# started it is gone: the pipe on standard input is closed then, whatever way
# that process ended.
pg_ctl=$1 folder=$2 options=$3
ctl() { "$pg_ctl" -s -w -t 60 -D "$folder/data" "$@"; }

ctl -l "$folder/log" -o "$options" start || exit 1
echo ready
if read -r mode; then
    ctl -m "$mode" stop
else
    ctl -m immediate stop
    rm -rf "$folder"
fi
