// nodemailer as a driver (see driver.hpp). Its pool keeps connections; `reconnect` is its plain transport.
'use strict';
const fs = require('fs');
const nodemailer = require('nodemailer');

const [host, port, count, file, mode, ...pairs] = process.argv.slice(2);
const more = Object.fromEntries(pairs.map((pair) => pair.split('=')));
const tls = more.tls || 'none';
const sessions = mode === 'many' ? Number(more.sessions || 1000) : 1;

const transport = nodemailer.createTransport({
    host,
    port: Number(port),
    name: 'localhost',
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    tls: more.ca ? { ca: fs.readFileSync(more.ca) } : {},
    pool: mode !== 'reconnect',
    maxConnections: sessions,
    maxMessages: Infinity,
});
const mail = { envelope: { from: 'alice@example.org', to: ['bob@example.net'] }, raw: fs.readFileSync(file) };

let left = Number(count);
const worker = async () => {
    while (left > 0) {
        left -= 1;
        await transport.sendMail(mail);
    }
};

const main = async () => {
    const before = process.resourceUsage();
    const began = process.hrtime.bigint();
    // Two for each connection: one is under way, one is ready when it ends.
    const workers = mode === 'reconnect' ? 1 : 2 * sessions;
    await Promise.all(Array.from({ length: workers }, worker));
    const wall = Number(process.hrtime.bigint() - began) / 1e9;
    const after = process.resourceUsage();
    transport.close();
    const peak = /VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];
    console.log(JSON.stringify({
        messages: Number(count),
        wall,
        user: (after.userCPUTime - before.userCPUTime) / 1e6,
        sys: (after.systemCPUTime - before.systemCPUTime) / 1e6,
        rss_kb: Number(peak),
    }));
};

main().then(() => process.exit(0), (failure) => {
    console.error(failure);
    process.exit(1);
});
