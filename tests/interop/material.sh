# shellcheck shell=bash
# What servers serve, and what they prove themselves with. Sourced by `run`.

# A test authority (ca.pem), a certificate of its own for loopback and dnsmasq's names (server.pem, server.key; both in one
# file as server.both.pem), and one for a client (client.pem, client.key).
make_certificates() {
    mkdir -p "$1"
    openssl req -x509 "${key_kind[@]}" -keyout "$1/ca.key" -out "$1/ca.pem" -days 30 \
        -subj '/CN=nuncio interop authority' -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign 2>/dev/null
    make_certificate "$1" server localhost serverAuth
    make_certificate "$1" client 'a client' clientAuth
    cat "$1/server.pem" "$1/server.key" >"$1/server.both.pem"
}

key_kind=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256)

# make_certificate FOLDER FILE NAME USE
make_certificate() {
    openssl req "${key_kind[@]}" -keyout "$1/$2.key" -out "$1/$2.csr" -subj "/CN=$3" 2>/dev/null
    openssl x509 -req -in "$1/$2.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial \
        -out "$1/$2.pem" -days 30 -sha256 2>/dev/null -extfile <(
            echo subjectAltName=DNS:localhost,DNS:two.test,DNS:four.test,DNS:six.test,IP:127.0.0.1,IP:::1
            echo basicConstraints=critical,CA:FALSE
            echo "extendedKeyUsage=$4"
        )
}

make_files() {
    mkdir -p "$1/files/many" "$1/upload"
    noise 104857600 >"$1/files/100M.bin"
    noise 1048576 >"$1/files/1M.bin"
    # Without a line end, so that its length is the one in its name.
    printf '%0150d' 0 >"$1/files/150.txt"
    seq 20000 >"$1/files/numbers.txt"
    # A hundred that differ, from 0 to 40 KB.
    local number
    for ((number = 0; number < 100; number++)); do
        noise $((number * 409)) >"$1/files/many/$number.bin"
    done
}

# Bytes at random but for the last: nginx, which takes chunked files for SSI, swallows a `<` there.
noise() {
    (($1 == 0)) || { head -c $(($1 - 1)) /dev/urandom && printf .; }
}
