// oidc-provider, on a free port of this machine, for tests/it/interop.rs. Whoever types a name and any password at its
// sign-in page is that person.
//
//     node provider.mjs '{"client": {…}, "settings": {…}}'
//
// `client` is the metadata of the one client (OpenID Connect Dynamic Client Registration 1.0, 2); `settings`, which may
// be left out, replaces settings of oidc-provider. With `"http10": true` it is reached through http10.py. What happens is
// told on standard output, a JSON object a line, the issuer first. `rotate` on standard input puts new keys in the place
// of the old ones; its end ends the provider.

import { spawn } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Provider } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

const { client, settings, http10 } = JSON.parse(process.argv[2]);

// Standard output is for what happens; oidc-provider's own remarks go where errors go.
console.log = console.error;
console.info = console.error;

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

// By way of PEM: the garbage collector takes the lock of a key when it frees the job that generated it, and `export`
// holds this lock while it allocates. A collection at that moment stops Node.js 20 for ever.
function newKey(type, options) {
  const { privateKey } = generateKeyPairSync(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return createPrivateKey(privateKey).export({ format: 'jwk' });
}

function newKeys() {
  return { keys: [newKey('rsa', { modulusLength: 2048 }), newKey('ec', { namedCurve: 'P-256' })] };
}

function header(jwt) {
  return JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url'));
}

function findAccount(ctx, name) {
  const claims = { sub: name, name: `${name} of interop`, email: `${name}@example.com`, email_verified: true };
  return { accountId: name, claims: () => claims };
}

// What outlives a rotation: sessions, grants and attempts, and the keys of the cookies.
const adapter = createMemoryAdapter();
const cookieKey = randomBytes(32).toString('base64');

function newProvider(issuer) {
  const provider = new Provider(issuer, {
    adapter,
    clients: [client],
    claims: { email: ['email', 'email_verified'], openid: ['sub'], profile: ['name'] },
    cookies: { keys: [cookieKey] },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
      jwtUserinfo: { enabled: true },
    },
    // Its own dispatcher reaches no address of this machine, where Doorward is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount,
    jwks: newKeys(),
    ...settings,
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'token' && ctx.status === 200) {
      const auth = ctx.get('authorization') ? 'client_secret_basic' : 'client_secret_post';
      const { alg, kid } = header(ctx.body.id_token);
      tell({ token: { auth, alg, kid } });
    }
    if (ctx.oidc?.route === 'userinfo' && ctx.status === 200) {
      const alg = ctx.response.is('application/jwt') ? header(ctx.body).alg : null;
      tell({ userinfo: { type: ctx.response.type, alg } });
    }
  });
  provider.on('backchannel.success', () => tell({ backchannel: 'success' }));
  provider.on('backchannel.error', (ctx, error) => tell({ backchannel: `${error}` }));
  provider.on('server_error', (ctx, error) => console.error(error));
  return provider.callback();
}

// The port of an HTTP/1.0 server in front of `port`; it ends when this process does.
async function http10Before(port) {
  const script = fileURLToPath(new URL('http10.py', import.meta.url));
  const front = spawn('python3', [script, port], { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: front.stdout })) {
    return line;
  }
  throw new Error('http10.py does not start');
}

let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${http10 ? await http10Before(port) : port}`;
  answer = newProvider(issuer);
  tell({ issuer });

  const orders = createInterface({ input: process.stdin });
  orders.on('line', (order) => {
    if (order === 'rotate') {
      answer = newProvider(issuer);
      tell({ rotated: true });
    }
  });
  orders.on('close', () => process.exit());
});
