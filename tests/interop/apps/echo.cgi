#!/bin/sh
# Answers with the request's body, once all of it is here.
body=$(mktemp)
cat >"$body"
printf 'Content-Type: application/octet-stream\r\n\r\n'
cat "$body"
rm -f "$body"
