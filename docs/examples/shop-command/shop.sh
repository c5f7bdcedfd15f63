#!/bin/sh
# A shop's till for paysera-worker in plain shell: every open bill is a file.
#
#   [till]
#   kind = "command"
#   argv = ["/opt/shop/shop.sh", "/srv/shop"]
#
# The worker calls it as `shop.sh FOLDER bills|post|check`, with the request on standard input.
#
#   FOLDER/open/LOCATION/TABLE/BILL.json   an open bill, the file named as its bill_id; the cashier's
#                                          software puts it there by mv
#   FOLDER/paid/NOTICE.json                what the worker told, one file a payment
#   FOLDER/done/LOCATION/BILL.json         a bill that was paid
#
# It knows no bills in parts, whose file would be moved when the first part is paid: such a bill is
# refused aloud. It has no `lock`: a file that is replaced while its guest pays is seen by the worker's
# last look.

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

plain() { # plain VALUE: fit to be a file's name, and not a hidden one, which .. is
    case $1 in
    '' | .* | *[!A-Za-z0-9._-]*) return 1 ;;
    esac
}

offered() { # offered FILE: the bill, if it is one that `post` can put away once it is paid
    name=${1##*/}
    name=${name%.json}
    bill=$(cat "$1") || fail 4 "a bill was moved while it was read"
    # 65: the till is well, and only this table waits until the cashier has mended the bill.
    case $bill in
    '{'*'}') ;;
    *) fail 65 "$name.json is not a whole bill" ;;
    esac
    plain "$name" || fail 65 "a bill_id is made of letters, digits, . _ and - only, not: $name"
    id=$(printf '%s\n' "$name" | sed 's/[.]/[.]/g')
    printf '%s\n' "$bill" | grep -q "\"bill_id\"[[:space:]]*:[[:space:]]*\"$id\"" ||
        fail 65 "$name.json is not named as the bill_id in it, which has to be plain"
    ! printf '%s\n' "$bill" | grep -q '"parts"[[:space:]]*:' ||
        fail 65 "$name is in parts, which this till does not know"
    printf '%s' "$bill"
}

bills() {
    location=$(number location_id)
    spot=$(text spot)
    plain "$location" || fail 1 "the request has no usable location_id"
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
        bill=$(offered "$file")
        answer=${answer:+$answer,}$bill
    done
    printf '{"bills":[%s]}\n' "$answer"
}

post() {
    notice=$(text notice_id)
    bill=$(text bill_id)
    location=$(number location_id)
    spot=$(text spot)
    plain "$notice" || fail 65 "the request has no usable notice_id"
    mkdir -p "$FOLDER/paid"
    # First the payment, whole or not at all and safe from a power cut; the name is the notice's,
    # so the same notice told twice is one file. Then the bill. Killed in between, this is called
    # again and goes on.
    if [ ! -e "$FOLDER/paid/$notice.json" ]; then
        printf '%s\n' "$REQUEST" >"$FOLDER/paid/.$notice.$$"
        sync "$FOLDER/paid/.$notice.$$"
        mv "$FOLDER/paid/.$notice.$$" "$FOLDER/paid/$notice.json"
    fi
    sync "$FOLDER/paid"
    # The payment is kept whatever the bill is called. It is put away if it is one of ours, and paid
    # as a whole.
    case $REQUEST in
    *[{,]'"part_id":null'[,}]*) ;;
    *) bill= ;;
    esac
    open="$FOLDER/open/$location/$spot/$bill.json"
    if plain "$bill" && plain "$location" && plain "$spot" && [ -e "$open" ]; then
        mkdir -p "$FOLDER/done/$location"
        mv "$open" "$FOLDER/done/$location/$bill.json"
        sync "$FOLDER/done/$location"
    fi
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
