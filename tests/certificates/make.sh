#!/bin/sh
# Makes the certificates beside this file anew, with OpenSSL 3: what servers show to a worker, and
# what a worker shows to a shop. The tests only read them, so nobody needs OpenSSL to run the tests.
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
A_YEAR_LATER=20210101000000Z
FAR_OFF=21100101000000Z
FARTHER_OFF=21200101000000Z

cat > common.cnf <<'EOF'
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[here]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[elsewhere]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:wallet.example
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
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

sign_itself() { # NAME EXTENSIONS SUBJECT: a certificate that nobody else signed
    request "$1" "$3"
    mkdir "$1.db"
    : > "$1.db/index.txt"
    echo 01 > "$1.db/serial"
    { printf '[ca]\ndefault_ca = it\n[it]\ndatabase = %s.db/index.txt\nserial = %s.db/serial\n' \
        "$1" "$1"
      printf 'new_certs_dir = %s.db\ndefault_md = sha256\npolicy = any\n' "$1"
      cat common.cnf; } > "$1.cnf"
    openssl ca -batch -selfsign -config "$1.cnf" -keyfile "$1.key" -in "$1.csr" -extensions "$2" \
        -startdate "$LONG_AGO" -enddate "$FARTHER_OFF" -notext -out "$1.crt"
}

issue() { # AUTHORITY NAME SUBJECT EXTENSIONS FROM UNTIL
    request "$2" "$3"
    openssl ca -batch -config "$1.cnf" -keyfile "$1.key" -cert "$1.crt" -in "$2.csr" \
        -extensions "$4" -startdate "$5" -enddate "$6" -notext -out "$2.crt"
}

server() { # AUTHORITY NAME EXTENSIONS FROM UNTIL: a server's certificate with its key
    issue "$1" "$2" "test server, $2" "$3" "$4" "$5"
    cat "$2.crt" "$2.key" > "$here/$2.pem"
}

worker() { # AUTHORITY NAME: a worker's certificate, and its key beside it
    issue "$1" "$2" "test worker, $2" worker "$LONG_AGO" "$FARTHER_OFF"
    cp "$2.crt" "$here/$2.pem"
    cp "$2.key" "$here/$2.key"
}

sign_itself trusted authority "test authority"
sign_itself unknown authority "test authority that nobody trusts"
sign_itself self here "test server, self-signed"
cp trusted.crt "$here/authority.pem"
cat self.crt self.key > "$here/self-signed.pem"
server trusted good here "$LONG_AGO" "$FARTHER_OFF"
server trusted expired here "$LONG_AGO" "$A_YEAR_LATER"
server trusted early here "$FAR_OFF" "$FARTHER_OFF"
server trusted elsewhere elsewhere "$LONG_AGO" "$FARTHER_OFF"
server unknown unknown-authority here "$LONG_AGO" "$FARTHER_OFF"

sign_itself shops authority "test authority of the shop"
sign_itself nobodys authority "test authority that no shop trusts"
cp shops.crt "$here/shops-authority.pem"
worker shops worker
worker nobodys stranger
openssl pkcs8 -topk8 -in worker.key -passout pass:nobody-is-there -out "$here/locked.key"
