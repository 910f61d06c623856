// Log people in with tgauth: a module to copy. Needs `npm install jose`; it runs in Node (18 and newer
// with jose 5, 20 and newer with jose 6), Deno, Bun and workers, and what it does not verify
// (`exchange`) in browsers too.
//
// With Express, and much the same with any other framework:
//
//   const tgauth = new Tgauth({ issuer: 'https://login.example.org', clientId: 'my-app' });
//
//   app.get('/callback', async (request, response) => {
//     // Where you began the login: compare `state` first, as docs/integrate.md shows.
//     let login;
//     try {
//       login = await tgauth.callback(request.url);
//     } catch (failure) {
//       if (!(failure instanceof LoginFailed)) throw failure;
//       return response.status(400).render('login-failed', { reason: failure.message });
//     }
//     request.session.regenerate(() => {          // whoever was logged in before is not this person
//       request.session.user = login.claims.sub;
//       request.session.token = login.accessToken; // on the server: it is a secret
//       response.redirect(303, '/');              // the code leaves the address bar
//     });
//   });
//
// Whoever logged out at tgauth is logged out here as well when you ask now and then, say once a minute
// for each person, and before anything that matters:
//
//   if (!(await tgauth.isAlive(request.session.token))) request.session.destroy(…);
//
// Make one `Tgauth` when the application starts: it keeps the issuer's keys.

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

/** Seconds that the two machines' clocks may differ. */
const LEEWAY = 30;

/** Why nobody was logged in; the person can send /login again. */
export class LoginFailed extends Error {}

/** One application at one tgauth. */
export class Tgauth {
  #issuer;
  #clientId;
  #clientSecret;
  #keys;

  constructor({ issuer, clientId, clientSecret }) {
    this.#issuer = issuer.replace(/\/$/, '');
    this.#clientId = clientId;
    this.#clientSecret = clientSecret;
    this.#keys = createRemoteJWKSet(new URL(`${this.#issuer}/.well-known/jwks.json`), {
      timeoutDuration: 10_000,
    });
  }

  /**
   * Log in whoever arrives at the callback address.
   *
   * @param {string | URL} url - The request's address; a path with its query is enough.
   * @returns {Promise<{claims: object, user: object, accessToken: string}>} `claims.sub` is the
   *   account's stable name; `user.name` is what to show.
   * @throws {LoginFailed} There is no code, it is not good (any more), or the answer is not genuine.
   */
  async callback(url) {
    const codes = new URL(url, 'http://application').searchParams.getAll('code');
    if (codes.length !== 1) throw new LoginFailed('This login link is incomplete.');
    const answer = await this.exchange(codes[0]);
    const claims = await this.verify(answer.access_token);
    return { claims, user: answer.user, accessToken: answer.access_token };
  }

  /**
   * Turn a one-time code into a token.
   *
   * @throws {LoginFailed} The code is not good (any more), or tgauth does not answer.
   */
  async exchange(code) {
    const body = { code, ...(this.#clientSecret && { client_secret: this.#clientSecret }) };
    let answer, found;
    try {
      answer = await fetch(`${this.#issuer}/api/auth/callback`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        credentials: 'omit',
        signal: AbortSignal.timeout(10_000),
      });
      found = await answer.json();
    } catch (cause) {
      throw new LoginFailed('The login service does not answer. Please try again.', { cause });
    }
    if (answer.ok && typeof found?.access_token === 'string') return found;
    throw new LoginFailed(
      found?.error_description ?? 'The login service is in trouble. Please try again.',
    );
  }

  /**
   * Say whether the session of a login still lives at tgauth. It does not once the person or the
   * operator ended it, or the token's own time is over: then end yours, and let the person log in
   * again.
   *
   * @throws {LoginFailed} tgauth does not answer, so nobody knows: ask again later.
   */
  async isAlive(accessToken) {
    let answer, found;
    try {
      answer = await fetch(`${this.#issuer}/api/auth/me`, {
        headers: { Authorization: `Bearer ${accessToken}` },
        credentials: 'omit',
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000),
      });
      if (answer.status === 401) return false;
      found = await answer.json();
    } catch (cause) {
      throw new LoginFailed('The login service does not answer. Please try again.', { cause });
    }
    if (answer.ok && typeof found?.user?.sub === 'string') return true;
    throw new LoginFailed('The login service is in trouble. Please try again.');
  }

  /**
   * Return the claims of a token that is genuine, current, and meant for this application.
   *
   * @throws {LoginFailed} It is not, or the issuer's keys cannot be fetched.
   */
  async verify(token) {
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        algorithms: ['ES256'], // never what the token itself asks for
        typ: 'at+jwt', // RFC 9068 §4
        issuer: this.#issuer,
        audience: this.#clientId,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: LEEWAY,
      });
      return payload;
    } catch (cause) {
      const reason = cause instanceof errors.JOSEError ? cause.message : 'its keys are missing';
      throw new LoginFailed(`The login service's answer is not valid: ${reason}`, { cause });
    }
  }
}
