#!/bin/sh
# Makes the certificates that the tests of TLS use, valid from 2020 to 2120. They are for tests
# only: their private keys are public. Needs openssl.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
touch "$work/index"
cat >"$work/config" <<END
[ca]
default_ca = tests
[tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
organizationName = optional
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
[client]
basicConstraints = CA:FALSE
subjectAltName = @names
[names]
# One alternative name that looks like two where they are joined by commas.
DNS = "a.test, DNS:b.test"
email = alice@example.org
URI = spiffe://test/alice
IP = ::1
[stranger]
basicConstraints = CA:FALSE
END

algorithm="EC -pkeyopt ec_paramgen_curve:P-256"

# certificate FOLDER NAME SUBJECT EXTENSIONS SIGNING-OPTIONS...
certificate() {
  folder=$1 name=$2 subject=$3 extensions=$4
  shift 4
  # shellcheck disable=SC2086
  openssl genpkey -algorithm $algorithm -out "$folder/$name.key"
  openssl req -new -key "$folder/$name.key" -subj "$subject" -out "$work/request"
  openssl ca -batch -notext -config "$work/config" -extensions "$extensions" \
    -startdate 20200101000000Z -enddate 21200101000000Z -preserveDN \
    -in "$work/request" -out "$folder/$name.pem" "$@"
}

certificate "$work" authority "/CN=Test authority" authority -selfsign -keyfile "$work/authority.key"
certificate "$work" other "/CN=Test authority" authority -selfsign -keyfile "$work/other.key"
signed="-cert $work/authority.pem -keyfile $work/authority.key"
# shellcheck disable=SC2086
certificate . server "/CN=localhost" server $signed
# shellcheck disable=SC2086
certificate . client "/O=Test/CN=alice" client $signed
certificate . stranger "/CN=alice" stranger -cert "$work/other.pem" -keyfile "$work/other.key"
cp "$work/authority.pem" .

# Keys that are of no use for TLS here: one is too short, one of an unknown kind.
algorithm="RSA -pkeyopt rsa_keygen_bits:1024"
certificate . short "/CN=localhost" server -selfsign -keyfile short.key
algorithm="ED448"
certificate . unknown "/CN=localhost" server -selfsign -keyfile unknown.key
