// What README.md promises of every origin, by node's own HTTP/1.1 and HTTP/2.
//
//   node server.js FILES KEY CERTIFICATE HTTP H2C HTTPS SHORT_HTTP SHORT_H2C SHORT_HTTPS
'use strict';

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const path = require('path');
const zlib = require('zlib');

const [files, key, certificate, ...ports] = process.argv.slice(2);
const LIMIT = 1024;

function handle(request, response) {
    const target = request.url.split('?')[0];
    const connection = request.stream ? request.stream.session.socket : request.socket;
    response.setHeader('x-peer', String(connection.remotePort));
    if (target === '/echo') return echo(request, response);
    if (target === '/limited') return limited(request, response);
    request.resume();
    if (target === '/redirect') {
        response.writeHead(302, { location: '/150.txt' });
        return response.end();
    }
    if (target === '/trailers') {
        response.setHeader('trailer', 'x-sum');
        response.write('with trailers\n');
        response.addTrailers({ 'x-sum': '42' });
        return response.end();
    }
    const chunked = target.startsWith('/chunked/');
    const zipped = target.startsWith('/zip/');
    const name = path.normalize('/' + target.replace(/^\/(chunked|zip)\//, ''));
    file(path.join(files, name), chunked, zipped, request, response);
}

function file(name, chunked, zipped, request, response) {
    let found;
    try {
        found = fs.statSync(name);
    } catch {
        response.writeHead(404, { 'content-type': 'text/plain' });
        return response.end('404 not found\n');
    }
    const tag = `"${found.size.toString(16)}-${Math.trunc(found.mtimeMs).toString(16)}"`;
    response.setHeader('etag', tag);
    response.setHeader('last-modified', found.mtime.toUTCString());
    if (request.headers['if-none-match'] === tag) {
        response.writeHead(304);
        return response.end();
    }
    const coded = zipped && /gzip/.test(request.headers['accept-encoding'] || '');
    if (coded) response.setHeader('content-encoding', 'gzip');
    else if (!chunked) response.setHeader('content-length', found.size);
    if (request.method === 'HEAD') return response.end();
    const body = fs.createReadStream(name);
    // Who cancels a download ends the reading of the file, too.
    response.on('close', () => body.destroy());
    (coded ? body.pipe(zlib.createGzip()) : body).pipe(response);
}

// Answered when all of it is here.
function echo(request, response) {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => response.end(Buffer.concat(pieces)));
}

// Answered with 413 before the body is read, where it is known to be too long.
function limited(request, response) {
    let length = Number(request.headers['content-length'] || 0);
    const refuse = () => {
        response.writeHead(413, { 'content-type': 'text/plain' });
        response.end('413 too large\n');
    };
    if (length > LIMIT) return refuse();
    length = 0;
    request.on('data', (piece) => {
        length += piece.length;
        if (length > LIMIT && !response.writableEnded) refuse();
    });
    request.on('end', () => {
        if (!response.writableEnded) response.end(`${request.method} ${length}\n`);
    });
}

const tls = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate), allowHTTP1: true };
const long = [http.createServer(handle), http2.createServer(handle), http2.createSecureServer(tls, handle)];
const short = [http.createServer(handle), http2.createServer(handle), http2.createSecureServer(tls, handle)];

long.forEach((server) => { server.keepAliveTimeout = 60000; });
// `createSecureServer` has these two for its HTTP/1.1 side.
short.forEach((server) => {
    server.keepAliveTimeout = 40;
    server.maxRequestsPerSocket = 10;
    server.on('session', (session) => session.setTimeout(40, () => session.close()));
});
[...long, ...short].forEach((server, index) => server.listen(Number(ports[index]), '127.0.0.1'));
