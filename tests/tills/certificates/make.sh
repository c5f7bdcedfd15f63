#!/bin/sh
# Makes the certificates beside this file anew, with OpenSSL 3: what a worker shows to a shop. The
# tests only read them, so nobody needs OpenSSL to run the tests.
#
# The keys guard nothing: no machine trusts these authorities, and the authorities' own keys are
# thrown away here, so that nobody can ever issue another certificate in their name.
set -eu
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

LONG_AGO=20200101000000Z
FARTHER_OFF=21200101000000Z

cat > common.cnf <<'EOF'
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[worker]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
EOF

request() { # NAME SUBJECT: a key and a request
    openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
}

authority() { # NAME SUBJECT
    request "$1" "$2"
    mkdir "$1.db"
    : > "$1.db/index.txt"
    echo 01 > "$1.db/serial"
    { printf '[ca]\ndefault_ca = it\n[it]\ndatabase = %s.db/index.txt\nserial = %s.db/serial\n' \
        "$1" "$1"
      printf 'new_certs_dir = %s.db\ndefault_md = sha256\npolicy = any\n' "$1"
      cat common.cnf; } > "$1.cnf"
    openssl ca -batch -selfsign -config "$1.cnf" -keyfile "$1.key" -in "$1.csr" \
        -extensions authority -startdate "$LONG_AGO" -enddate "$FARTHER_OFF" -notext -out "$1.crt"
}

issue() { # AUTHORITY NAME: a worker's certificate, and its key beside it
    request "$2" "test worker, $2"
    openssl ca -batch -config "$1.cnf" -keyfile "$1.key" -cert "$1.crt" -in "$2.csr" \
        -extensions worker -startdate "$LONG_AGO" -enddate "$FARTHER_OFF" -notext -out "$2.crt"
    cp "$2.crt" "$here/$2.pem"
    cp "$2.key" "$here/$2.key"
}

authority shops "test authority of the shop"
authority nobodys "test authority that no shop trusts"
cp shops.crt "$here/shops-authority.pem"
issue shops worker
issue nobodys stranger
openssl pkcs8 -topk8 -in worker.key -passout pass:nobody-is-there -out "$here/locked.key"
