# Read by the other scripts: "$work" and the count of failures, and what a command must end with.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

expect() { # expected exit code, name, command...
    want=$1 name=$2
    shift 2
    got=0
    "$@" >"$work/out" 2>"$work/err" || got=$?
    if [ "$got" -ne "$want" ]; then
        echo "FAIL $name: exit $got, expected $want"
        cat "$work/err"
        failed=1
    fi
}
