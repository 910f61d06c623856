// Asks the JavaScript snippet what the tests ask: one line in, one line of JSON out.
import { createInterface } from 'node:readline';
import { LoginFailed, Tgauth } from './tgauth-login.js';

const [issuer, clientId, clientSecret] = process.argv.slice(2);
const tgauth = new Tgauth({ issuer, clientId, clientSecret });
for await (const line of createInterface({ input: process.stdin })) {
  const [question, argument] = line.split(/ (.*)/s);
  let answer;
  try {
    if (question === 'callback') {
      const { claims, user, accessToken } = await tgauth.callback(`/callback?${argument}`);
      answer = { claims, name: user.name, token: accessToken };
    } else if (question === 'alive') {
      answer = { alive: await tgauth.isAlive(argument) };
    } else {
      answer = { claims: await tgauth.verify(argument) };
    }
  } catch (failure) {
    if (!(failure instanceof LoginFailed)) throw failure;
    answer = { refused: failure.message };
  }
  console.log(JSON.stringify(answer));
}
