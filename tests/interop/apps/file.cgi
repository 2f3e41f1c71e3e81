#!/bin/sh
# Answers with a file of $FILES, whose length the server is not told.
printf 'Content-Type: application/octet-stream\r\n\r\n'
# Over HTTP/2, Apache would send it for a HEAD, too.
[ "$REQUEST_METHOD" = HEAD ] || exec cat "$FILES$PATH_INFO"
