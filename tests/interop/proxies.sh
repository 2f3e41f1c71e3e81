# shellcheck shell=bash
# shellcheck disable=SC2154  # `run` says where things are
# Servers that stand between: proxies, a resolver. Sourced by `run`, as origins.sh is. Where a proxy wants
# credentials they are `user` and `pass`.

start_squid() {
    local folder=$scratch/squid
    echo "user:$(openssl passwd -apr1 pass)" >"$folder/passwords"
    # Where root starts it, it becomes `proxy` and writes here.
    chmod 777 "$folder"
    squid_configuration "$folder" >"$folder/squid.conf"
    launch squid squid -N -f "$folder/squid.conf"
}

squid_configuration() {
    cat <<EOT
http_port 127.0.0.1:${port[squid_basic]}
http_port 127.0.0.1:${port[squid_open]}
acl open localport ${port[squid_open]}
auth_param basic program /usr/lib/squid/basic_ncsa_auth $1/passwords
auth_param basic children 2
auth_param basic realm squid
acl known proxy_auth REQUIRED
http_access allow open
http_access allow known
http_access deny all
pid_filename $1/pid
cache_log $1/cache.log
access_log none
cache deny all
coredump_dir $1
shutdown_lifetime 1 seconds
visible_hostname squid.test
EOT
}

start_tinyproxy() {
    cat >"$scratch/tinyproxy/tinyproxy.conf" <<EOT
Listen 127.0.0.1
Port ${port[tinyproxy_basic]}
Timeout 60
MaxClients 100
Allow 127.0.0.1
BasicAuth user pass
ViaProxyName "tinyproxy"
LogLevel Error
EOT
    launch tinyproxy tinyproxy -d -c "$scratch/tinyproxy/tinyproxy.conf"
}

# Apache again: no other of these proxies has Digest.
start_digest() {
    local folder=$scratch/digest sum
    sum=$(printf 'user:a realm:pass' | openssl md5 -r | cut -d' ' -f1)
    echo "user:a realm:$sum" >"$folder/passwords"
    digest_configuration "$folder" >"$folder/httpd.conf"
    launch digest apache2 -DFOREGROUND -f "$folder/httpd.conf"
}

digest_configuration() {
    apache_basics "$1" authn_core authn_file authz_core authz_user auth_digest proxy proxy_http proxy_connect
    cat <<EOT
Listen 127.0.0.1:${port[digest_proxy]}
ProxyRequests On
AllowCONNECT 1-65535
<Proxy *>
    AuthType Digest
    AuthName "a realm"
    AuthDigestProvider file
    AuthUserFile $1/passwords
    Require valid-user
</Proxy>
EOT
}

# SOCKS 4 and 5 without credentials; a rule forbids one port, that of the HTTP/2 origin in the clear.
start_dante() {
    cat >"$scratch/dante/danted.conf" <<EOT
logoutput: stderr
internal: 127.0.0.1 port = ${port[dante_socks]}
external: lo
socksmethod: none
clientmethod: none
user.privileged: $(id -un)
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = ${port[nginx_h2c]} }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
EOT
    launch dante danted -f "$scratch/dante/danted.conf" -N 1 -p "$scratch/dante/pid"
}

# SOCKS 5 with credentials.
start_microsocks() {
    launch microsocks microsocks -i 127.0.0.1 -p "${port[microsocks_socks]}" -u user -P pass
}

# TLS in front of tinyproxy, which makes an https proxy of it.
start_stunnel() {
    cat >"$scratch/stunnel/stunnel.conf" <<EOT
foreground = yes
pid =
[proxy]
accept = 127.0.0.1:${port[stunnel_proxy]}
connect = 127.0.0.1:${port[tinyproxy_basic]}
cert = $scratch/tls/server.pem
key = $scratch/tls/server.key
EOT
    launch stunnel stunnel4 "$scratch/stunnel/stunnel.conf"
}

# A name with both kinds of addresses, and one with each alone; no other is there.
start_dnsmasq() {
    launch dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv --no-hosts \
        --port="${port[dnsmasq_dns]}" --listen-address=127.0.0.1 --bind-interfaces --local=/test/ \
        --host-record=two.test,127.0.0.1,::1 --host-record=four.test,127.0.0.1 --host-record=six.test,::1
}
