# shellcheck shell=bash
# shellcheck disable=SC2154  # `run` says where things are
# Servers that answer by themselves, or for others: how each is set up to do what README.md promises of
# all. Sourced by `run`; a `start_NAME` finds its ports in `port[NAME_…]` and its folder at $scratch/NAME.

start_node() {
    local ports=() entry
    for entry in http h2c https short_http short_h2c short_https; do
        ports+=("${port[node_$entry]}")
    done
    launch node node "$here/apps/server.js" "$scratch/files" "$scratch/tls/server.key" \
        "$scratch/tls/server.pem" "${ports[@]}"
}

start_nginx() {
    local folder=$scratch/nginx
    mkdir -p "$folder/temp"
    nginx_configuration "$folder" >"$folder/nginx.conf"
    nginx_locations >"$folder/locations.conf"
    launch nginx nginx -p "$folder" -c "$folder/nginx.conf" -e "$folder/error.log"
}

nginx_configuration() {
    cat <<EOT
daemon off;
# One worker, so that a connection's number in the log is its own.
worker_processes 1;
user $(id -un) $(id -gn);
pid $1/nginx.pid;
error_log $1/error.log warn;
events { worker_connections 1024; }
http {
    log_format facts '\$server_port \$connection \$connection_requests \$request_method \$request_uri \$status \$request_length \$body_bytes_sent';
    access_log $1/access.log facts;
    client_body_temp_path $1/temp/body;
    proxy_temp_path $1/temp/proxy;
    fastcgi_temp_path $1/temp/fastcgi;
    uwsgi_temp_path $1/temp/uwsgi;
    scgi_temp_path $1/temp/scgi;
    default_type application/octet-stream;
    ssl_certificate $scratch/tls/server.pem;
    ssl_certificate_key $scratch/tls/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    gzip off;
    sendfile on;
    tcp_nodelay on;
    client_max_body_size 0;
    keepalive_requests 1000000;
    keepalive_timeout 60s;

    server {
        listen 127.0.0.1:${port[nginx_http]};
        listen 127.0.0.1:${port[nginx_h2c]} http2;
        listen 127.0.0.1:${port[nginx_https]} ssl http2;
        include $1/locations.conf;
    }

    server {
        listen 127.0.0.1:${port[nginx_short_http]};
        listen 127.0.0.1:${port[nginx_short_h2c]} http2;
        listen 127.0.0.1:${port[nginx_short_https]} ssl http2;
        keepalive_requests 10;
        keepalive_timeout 40ms;
        include $1/locations.conf;
    }

    server {
        listen 127.0.0.1:${port[nginx_hundred_https]} ssl http2;
        keepalive_requests 100;
        include $1/locations.conf;
    }

    # Wants a certificate of the same authority, and says whose it was.
    server {
        listen 127.0.0.1:${port[nginx_mutual_https]} ssl http2;
        ssl_client_certificate $scratch/tls/ca.pem;
        ssl_verify_client on;
        include $1/locations.conf;
        location = /who { return 200 "\$ssl_client_s_dn\n"; }
    }

    server {
        listen 127.0.0.1:${port[nginx_tls12_https]} ssl http2;
        ssl_protocols TLSv1.2;
        include $1/locations.conf;
        location = /tls { return 200 "\$ssl_protocol\n"; }
    }

    server {
        listen unix:$1/socket;
        include $1/locations.conf;
    }
}
EOT
}

nginx_locations() {
    cat <<EOT
root $scratch/files;
add_header X-Peer \$remote_port always;
# As they are: Content-Length, ETag, Last-Modified; 404 where there is none.
location / { }
# The same without a known length, hence chunked over HTTP/1.1.
location /chunked/ { alias $scratch/files/; ssi on; ssi_types *; }
location /zip/ { alias $scratch/files/; default_type text/plain; gzip on; gzip_types text/plain; }
location = /trailers { default_type text/plain; add_trailer X-Sum 42; return 200 "with trailers\n"; }
location = /redirect { return 302 /150.txt; }
# Kept under the upload folder: 201, or 204 where the name was there.
location /upload/ { root $scratch; dav_methods PUT DELETE; create_full_put_path on; }
location = /echo { proxy_pass http://127.0.0.1:${port[node_http]}; proxy_hide_header X-Peer; }
# 413 for a body of more than 1 KiB.
location = /limited {
    client_max_body_size 1k;
    proxy_pass http://127.0.0.1:${port[node_http]};
    proxy_hide_header X-Peer;
}
EOT
}

start_apache() {
    local folder=$scratch/apache
    mkdir -p "$folder/cgi"
    cp "$here/apps/echo.cgi" "$folder/cgi/echo"
    cp "$here/apps/echo.cgi" "$folder/cgi/limited"
    cp "$here/apps/file.cgi" "$folder/cgi/file"
    apache_configuration "$folder" >"$folder/httpd.conf"
    launch apache apache2 -DFOREGROUND -f "$folder/httpd.conf"
}

apache_configuration() {
    apache_basics "$1" http2 ssl socache_shmcb authn_core authz_core deflate filter alias headers cgid env reqtimeout
    cat <<EOT
DocumentRoot $scratch/files
ScriptSock $1/cgi.socket
KeepAliveTimeout 60
MaxKeepAliveRequests 0
RequestReadTimeout header=0 body=0
Header always set X-Peer "expr=%{REMOTE_PORT}"
<Directory />
    Require all granted
</Directory>
SetEnv FILES $scratch/files
ScriptAlias /chunked $1/cgi/file
Alias /zip $scratch/files
<Location /zip>
    SetOutputFilter DEFLATE
</Location>
Redirect 302 /redirect /150.txt
ScriptAlias /echo $1/cgi/echo
ScriptAlias /limited $1/cgi/limited
<Location /limited>
    LimitRequestBody 1024
</Location>
EOT
    apache_host "${port[apache_http]}" http/1.1
    apache_host "${port[apache_h2c]}" h2c
    apache_host "${port[apache_https]}" 'h2 http/1.1' tls
    local short=$'KeepAliveTimeout 40ms\n    MaxKeepAliveRequests 10'
    apache_host "${port[apache_short_http]}" http/1.1 '' "$short"
    apache_host "${port[apache_short_https]}" 'h2 http/1.1' tls "$short"
}

# apache_basics FOLDER MODULE…: what any Apache is told.
apache_basics() {
    local folder=$1 module
    shift
    cat <<EOT
ServerRoot $folder
PidFile $folder/pid
ErrorLog $folder/error.log
ServerName localhost
# Only heeded when it is started by root, as whom it does not serve.
User www-data
Group www-data
EOT
    for module in mpm_event unixd "$@"; do
        # What is compiled in is no file.
        [[ ! -e /usr/lib/apache2/modules/mod_$module.so ]] ||
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
    done
    cat <<EOT
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 128
EOT
}

# apache_host PORT PROTOCOLS [tls] [MORE]
apache_host() {
    local tls=
    [[ -z ${3-} ]] || tls="SSLEngine on
    SSLCertificateFile $scratch/tls/server.pem
    SSLCertificateKeyFile $scratch/tls/server.key"
    cat <<EOT
Listen 127.0.0.1:$1
<VirtualHost 127.0.0.1:$1>
    Protocols $2
    $tls
    ${4-}
</VirtualHost>
EOT
}

# In front of nginx, with answers of its own where it has any.
start_haproxy() {
    haproxy_configuration >"$scratch/haproxy/haproxy.cfg"
    launch haproxy haproxy -db -f "$scratch/haproxy/haproxy.cfg"
}

haproxy_configuration() {
    cat <<EOT
global
    maxconn 500
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s

$(haproxy_frontend long '' 60s)

$(haproxy_frontend short short_ 40ms)

backend files
    server nginx 127.0.0.1:${port[nginx_http]}

backend node
    server node 127.0.0.1:${port[node_http]}
EOT
}

# haproxy_frontend NAME PREFIX IDLE
haproxy_frontend() {
    cat <<EOT
frontend $1
    bind 127.0.0.1:${port[haproxy_$2http]}
    bind 127.0.0.1:${port[haproxy_$2h2c]} proto h2
    bind 127.0.0.1:${port[haproxy_$2https]} ssl crt $scratch/tls/server.both.pem alpn h2,http/1.1
    timeout http-keep-alive $3
    http-after-response set-header X-Peer %[src_port]
    http-request redirect location /150.txt code 302 if { path /redirect }
    http-request deny deny_status 413 if { path /limited } { req.hdr_val(content-length) gt 1024 }
    compression algo gzip
    compression type text/plain
    compression offload
    use_backend node if { path /trailers /echo }
    default_backend files
EOT
}

# HTTP/2 alone; it sends the body of a POST back by itself, and trailers behind every answer.
start_nghttpd() {
    local options=(--address=127.0.0.1 --htdocs="$scratch/files" --echo-upload --trailer='x-sum: 42')
    launch nghttpd nghttpd "${options[@]}" --no-tls "${port[nghttpd_h2c]}"
    launch nghttpd nghttpd "${options[@]}" "${port[nghttpd_https]}" "$scratch/tls/server.key" "$scratch/tls/server.pem"
}

install_hypercorn() {
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
}

start_hypercorn() {
    hypercorn_configuration '' >"$scratch/hypercorn/long.toml"
    hypercorn_configuration short_ >"$scratch/hypercorn/short.toml"
    local which
    for which in long short; do
        PYTHONDONTWRITEBYTECODE=1 launch hypercorn "$scratch/venv/bin/hypercorn" \
            --config "$scratch/hypercorn/$which.toml" "$here/apps/asgi.py:app"
    done
}

hypercorn_configuration() {
    cat <<EOT
bind = ["127.0.0.1:${port[hypercorn_$1https]}"]
insecure_bind = ["127.0.0.1:${port[hypercorn_$1http]}", "127.0.0.1:${port[hypercorn_$1h2c]}"]
certfile = "$scratch/tls/server.pem"
keyfile = "$scratch/tls/server.key"
graceful_timeout = 0
# In the process that was started, and no other.
workers = 0
EOT
    if [[ -n $1 ]]; then
        echo 'keep_alive_timeout = 0.04'
    else
        echo 'keep_alive_timeout = 60'
    fi
    # Where it counts them, the last answer of a connection may be cut short.
    echo 'keep_alive_max_requests = 1000000'
}
