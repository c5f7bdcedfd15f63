#!/bin/sh
# A shop's till for paysera-worker in plain shell: every open bill is a file.
#
#   [till]
#   kind = "command"
#   argv = ["/opt/shop/shop.sh", "/srv/shop"]
#
# The worker calls it as `shop.sh FOLDER bills|post|check`, with the request on standard input.
#
#   FOLDER/open/LOCATION/TABLE/BILL.json   an open bill; the cashier's software puts it there by mv
#   FOLDER/paid/NOTICE.json                what the worker told, one file a payment
#   FOLDER/done/LOCATION/BILL.json         a bill that was paid
#
# It has no `lock`: a file that is replaced while its guest pays is seen by the worker's last look.

set -eu
LC_ALL=C
export LC_ALL

FOLDER=${1-}
OP=${2-}

fail() { # fail CODE REASON: the last line of stderr is what the worker's log shows
    echo "$2" >&2
    exit "$1"
}

# The request is one line, without spaces between its parts, and a quote within a text is always
# written \". So `"name":"` can only be a name, and a value without a backslash is what it looks
# like. Whatever else stands there is not one of our tables or bills: nothing is given for it.
text() { printf '%s\n' "$REQUEST" | sed -n 's/.*[{,]"'"$1"'":"\([A-Za-z0-9._-]*\)"[,}].*/\1/p'; }
number() { printf '%s\n' "$REQUEST" | sed -n 's/.*[{,]"'"$1"'":\([0-9][0-9]*\)[,}].*/\1/p'; }

usable() { # usable NAME VALUE: fit to be a file's name, and not a hidden one, which .. is
    case $2 in
    '' | .* | *[!A-Za-z0-9._-]*) fail 1 "the request has no usable $1" ;;
    esac
}

bills() {
    location=$(number location_id)
    spot=$(text spot)
    usable location_id "$location"
    case $spot in
    '' | .*) # Not one of our tables: it owes nothing.
        echo '{"bills":[]}'
        return
        ;;
    esac
    answer=
    # In the order of their names: number your bills, and the oldest is first.
    for file in "$FOLDER/open/$location/$spot"/*.json; do
        [ -e "$file" ] || continue
        bill=$(cat "$file") || fail 75 "a bill was moved while it was read"
        answer=${answer:+$answer,}$bill
    done
    printf '{"bills":[%s]}\n' "$answer"
}

post() {
    notice=$(text notice_id)
    bill=$(text bill_id)
    location=$(number location_id)
    spot=$(text spot)
    usable notice_id "$notice"
    usable bill_id "$bill"
    usable location_id "$location"
    usable spot "$spot"
    mkdir -p "$FOLDER/paid" "$FOLDER/done/$location"
    # First the payment, whole or not at all and safe from a power cut; the name is the notice's,
    # so the same notice told twice is one file. Then the bill. Killed in between, this is called
    # again and goes on.
    if [ ! -e "$FOLDER/paid/$notice.json" ]; then
        printf '%s\n' "$REQUEST" >"$FOLDER/paid/.$notice.$$"
        sync "$FOLDER/paid/.$notice.$$"
        mv "$FOLDER/paid/.$notice.$$" "$FOLDER/paid/$notice.json"
    fi
    open="$FOLDER/open/$location/$spot/$bill.json"
    if [ -e "$open" ]; then
        mv "$open" "$FOLDER/done/$location/$bill.json"
    fi
    sync "$FOLDER/paid" "$FOLDER/done/$location"
    echo '{}'
}

check() { # Look, and change nothing.
    [ -d "$FOLDER/open" ] || fail 1 "there is no folder $FOLDER/open"
    [ -r "$FOLDER/open" ] || fail 1 "the folder $FOLDER/open can not be read"
    [ -w "$FOLDER" ] || fail 1 "the folder $FOLDER can not be written, but payments are kept there"
    echo '{}'
}

case $FOLDER in
/*) ;;
*) fail 64 "usage: shop.sh /the/shops/folder bills|post|check" ;;
esac
REQUEST=$(cat)
case $OP in
bills | post | check) "$OP" ;;
*) fail 64 "this till does not know $OP" ;;
esac
