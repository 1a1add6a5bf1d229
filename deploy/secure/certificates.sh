#!/bin/sh
# Makes a certificate authority and a certificate for the containers of docker-compose.secure.yml in ./certs, for a year.
# An example: where you have an authority of your own, let it sign instead, and give each server a key of its own.
set -eu
cd "$(dirname "$0")"
mkdir -p certs && cd certs
[ -e ca.pem ] && { echo "certs/ca.pem is there already; remove certs/ to begin again" >&2; exit 1; }
new="openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
$new -x509 -keyout ca.key -out ca.pem -subj "/CN=g3n example authority" -days 365
$new -keyout server.key -out server.csr -subj "/CN=g3n example server"
echo "subjectAltName=DNS:kafka,DNS:postgres,DNS:api,DNS:localhost,IP:127.0.0.1" > names.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 365 -extfile names.ext
cat server.key server.pem > server-with-key.pem  # as Kafka reads it
chmod 600 ca.key
# Each container runs as another user. On a real host, give each key to its container's user instead.
chmod 644 server.key server-with-key.pem
