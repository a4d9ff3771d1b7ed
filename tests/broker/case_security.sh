# case_security.sh - a broker that wants TLS and a password: certificates by openssl, SASL by PLAIN and SCRAM. Its plain listener is for the
# tests' own tools.

secret='S3cret!with-signs' wrong='Wr0ng;p4ss'

# A CA, and the broker's certificate by it (PKCS #8 key and certificate in one file, as Kafka reads them); another CA that nobody trusts.
make_certificates() # FOLDER
{
    local ca
    for ca in ca other-ca; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=lfrec test $ca" -keyout "$1/$ca.key" -out "$1/$ca.pem" || return 1
    done
    openssl req -newkey rsa:2048 -nodes -subj '/CN=broker' -keyout "$1/broker.key" -out "$1/broker.csr" &&
        printf 'subjectAltName=IP:127.0.0.1\n' > "$1/broker.ext" &&
        openssl x509 -req -in "$1/broker.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 2 -extfile "$1/broker.ext" -out "$1/broker.crt" &&
        cat "$1/broker.key" "$1/broker.crt" > "$1/broker.pem"
}

secure_broker() # sets secure_bootstrap (TLS) and bootstrap (plain) to those of the broker with security; ends with the test
{
    local dir folder=$work/$t.secure
    mkdir -p "$folder"
    make_certificates "$folder" > "$folder/openssl.log" 2>&1 || fail "openssl: $(tail -n 3 "$folder/openssl.log")"
    kafka_properties "$folder" 0
    cat >> "$folder/server.properties" <<PROPERTIES
listeners=PLAINTEXT://127.0.0.1:0,SASL_SSL://127.0.0.1:0,CONTROLLER://127.0.0.1:0
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location=$folder/broker.pem
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_lfrec="$secret";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
    dir=$(cd "$kafka_dir" && pwd)
    (kafka_java "$dir" kafka.tools.StorageTool format --standalone -t lfrectestslfrectestsAA -c "$folder/server.properties" \
        --add-scram "SCRAM-SHA-512=[name=lfrec,password=$secret]") > "$folder/format.log" 2>&1 || fail "format: $(tail -n 3 "$folder/format.log")"
    start_with_accounts "$folder" SASL_SSL
    secure_bootstrap=$account_bootstrap
}

client_file() # NAME MECHANISM PASSWORD CA: a properties file in $properties
{
    properties=$work/$t.$1.conf
    (
        umask 077
        cat > "$properties" <<CLIENT
bootstrap.servers=$secure_bootstrap
security.protocol=SASL_SSL
ssl.ca.location=$work/$t.secure/$4.pem
ssl.endpoint.identification.algorithm=https
sasl.mechanism=$2
sasl.username=lfrec
sasl.password=$3
CLIENT
    )
}

start_secure() # ARGUMENTS...: as start, by the broker's TLS port
{
    local plain=$bootstrap
    bootstrap=$secure_bootstrap
    start -F "$properties" -v -X debug=security,broker,conf "$@"
    bootstrap=$plain
}

nothing_secret_in() # FILE...
{
    ! grep -qF -e "$secret" -e "$wrong" "$@" || fail "a password in $(grep -lF -e "$secret" -e "$wrong" "$@")"
}

# librdkafka before 2.6.1 cannot do SCRAM with the broker of these tests.
scram_works()
{
    "$lfrec" --version | awk '{ split($NF, v, "."); exit !(v[1] * 10000 + v[2] * 100 + v[3] >= 20601) }'
}

test_tls_and_passwords()
{
    secure_broker
    topics 1

    # PLAIN, the whole way; librdkafka's own debug log is as silent about the password as ours.
    client_file plain PLAIN "$secret" ca
    start_secure
    within 20 says "$log" 'caught up' || fail "PLAIN: $(grep -v debug "$log" | tail -n 5)"
    fill 20
    ratings 10 0 12 | send
    within 10 eval '[ "$(users_rated 12)" = 10 ]' || fail "no lists by PLAIN: $(newest | head -n 3)"
    stop "$pid" 0
    nothing_secret_in "$log" "$out"
    "$lfrec" -F "$properties" --check-config > "$work/$t.checked" || fail "--check-config"
    grep -qx 'sasl.password=\[hidden\]' "$work/$t.checked" || fail "--check-config: $(grep sasl "$work/$t.checked")"

    # Within kcat: the interceptor's producer takes the application's connection over.
    timeout 30 kcat -F "$properties" -C -t "$t-in" -e -q -X "plugin.library.paths=$(dirname "$lfrec")/lfrec-interceptor.so" \
        -X "lfrec.input.topic=$t-in" -X "lfrec.output.topic=$t-out" -X lfrec.min.support=0 -X lfrec.top.n=5 -X lfrec.log.level=debug \
        > "$work/$t.seen" 2> "$work/$t.kcat" || fail "kcat: $(tail -n 3 "$work/$t.kcat")"
    [ "$(list_of u7 | grep -o '"item":' | wc -l)" = 5 ] || fail "the interceptor's list of u7: $(list_of u7) $(tail -n 3 "$work/$t.kcat")"
    nothing_secret_in "$work/$t.kcat"

    # SCRAM, or why it cannot be.
    client_file scram SCRAM-SHA-512 "$secret" ca
    start_secure
    if scram_works; then
        within 20 says "$log" 'caught up' || fail "SCRAM: $(grep -v debug "$log" | tail -n 5)"
    else
        within 20 says "$log" 'warning the broker refuses the password, or the way librdkafka .* does SCRAM' ||
            fail "SCRAM fails without a hint: $(grep -v debug "$log" | tail -n 5)"
    fi
    stop "$pid" 0
    nothing_secret_in "$log" "$out"

    # A wrong password, and a CA that did not sign: said, without the secret; tried on, without haste; TERM ends it.
    client_file wrong PLAIN "$wrong" ca
    start_secure
    within 20 grep -q 'warning.*[Aa]uthentication failed' "$log" || fail "a wrong password is not said: $(grep -v debug "$log" | tail -n 5)"
    stop "$pid" 0
    [ "$(grep -c 'warning' "$log")" -lt 20 ] || fail "$(grep -c warning "$log") warnings about one password"
    nothing_secret_in "$log" "$out"
    client_file untrusted PLAIN "$secret" other-ca
    start_secure
    within 20 grep -q 'warning.*certificate verify failed' "$log" || fail "a wrong CA is not said: $(grep -v debug "$log" | tail -n 5)"
    stop "$pid" 0
    nothing_secret_in "$log" "$out"
}
