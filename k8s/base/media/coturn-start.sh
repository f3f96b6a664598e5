#!/bin/sh
# Starts coturn as a relay that reaches our media servers and nothing else; the arguments are handed on to it.
#
#   TURN_SECRET    the secret that is shared with the api (CALLPLANE_TURN_SECRET)
#   MEDIA_SERVERS  names, addresses and ranges (a-b) of the media servers, separated by spaces or commas: every address
#                  that their candidates hold, the public ones too; names are looked up once, now
#
# Without this a participant's credential would open whatever this machine can reach: TCP connections are not relayed at
# all, and packets to nobody but the media servers. What is allowed wins over what is denied, whatever the order.
set -eu
: "${TURN_SECRET:?is not set: the secret that the api knows as CALLPLANE_TURN_SECRET}"
: "${MEDIA_SERVERS:?is not set: the names or addresses of the media servers}"
umask 077
configuration=$(mktemp "${TMPDIR:-/tmp}/turnserver.XXXXXX")

addresses() {
    for one in $(echo "$MEDIA_SERVERS" | tr ',' ' '); do
        case $one in
            *:*) found=$one ;;
            *[!0-9.-]*) found=$(getent ahosts "$one" | awk '{print $1}' | sort -u) ;;
            *) found=$one ;;
        esac
        if [ -z "$found" ]; then
            echo "coturn: no address of $one is known yet" >&2
            return 1
        fi
        echo "$found"
    done
}

# A name may not be there yet: what starts us again tries again.
allowed=$(addresses)
{
    # In a file, for everybody on the machine can see a command line.
    echo "use-auth-secret"
    echo "static-auth-secret=$TURN_SECRET"
    echo "no-tcp-relay"
    echo "no-multicast-peers"
    echo "no-cli"
    echo "no-tls"
    echo "no-dtls"
    echo "fingerprint"
    echo "log-file=stdout"
    echo "simple-log"
    echo "denied-peer-ip=0.0.0.0-255.255.255.255"
    echo "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    for address in $allowed; do echo "allowed-peer-ip=$address"; done
} >"$configuration"
echo "coturn: relays to" $allowed
exec turnserver -c "$configuration" "$@"
