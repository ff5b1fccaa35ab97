// The server that smtp_server.py starts: node smtp_server.js SETTINGS.json
// It listens on ports of the kernel's choice and writes them to settings.ready once all listen.
'use strict';
const fs = require('fs');
const path = require('path');
const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { SMTPServer } = require(path.join(settings.modules, 'smtp-server'));

let count = 0;

function refuse(responseCode, text) {
  return Object.assign(new Error(text), { responseCode });
}

const behaviour = {
  key: fs.readFileSync(settings.key),
  cert: fs.readFileSync(settings.chain),
  name: settings.domain,
  size: settings.size,
  disableReverseLookup: true,
  hideREQUIRETLS: false,
  hideDSN: false,
  hideENHANCEDSTATUSCODES: false,
  useXClient: true,
  useXForward: true,
  authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2'],
  onAuth(auth, session, done) {
    const password = settings.users[auth.username];
    const good =
      password !== undefined &&
      (auth.password === password ||
        auth.accessToken === settings.tokens[auth.username] ||
        (auth.validatePassword !== undefined && auth.validatePassword(password)));
    done(good ? null : new Error('Invalid credentials'), good ? { user: auth.username } : undefined);
  },
  onRcptTo(address, session, done) {
    const reply = settings.recipients[address.address];
    done(reply ? refuse(Number(reply.slice(0, 3)), reply.slice(4)) : null);
  },
  onData(stream, session, done) {
    const name = path.join(settings.mail, String(++count).padStart(4, '0'));
    const file = fs.createWriteStream(name + '.part');
    stream.pipe(file);
    file.on('close', () => {
      if (stream.sizeExceeded) {
        fs.unlinkSync(name + '.part');
        done(refuse(552, 'message too large'));
        return;
      }
      fs.writeFileSync(name + '.json', JSON.stringify({ envelope: session.envelope, user: session.user, secure: session.secure }));
      fs.renameSync(name + '.part', name + '.eml');
      done(null, 'queued as ' + path.basename(name));
    });
  },
};

const listeners = {
  smtp: { ...behaviour, secure: false, authOptional: true },
  submission: { ...behaviour, secure: false, authOptional: false, allowInsecureAuth: false },
  smtps: { ...behaviour, secure: true, authOptional: false },
};
const ports = {};
for (const [name, options] of Object.entries(listeners)) {
  const server = new SMTPServer(options);
  server.on('error', (error) => console.error(name, error.message));
  server.listen(0, '127.0.0.1', () => {
    ports[name] = server.server.address().port;
    if (Object.keys(ports).length === Object.keys(listeners).length) {
      fs.writeFileSync(settings.ready + '.new', JSON.stringify(ports));
      fs.renameSync(settings.ready + '.new', settings.ready);
    }
  });
}
