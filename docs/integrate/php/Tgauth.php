<?php

// Log people in with tgauth: a file to copy. PHP 8.1 or newer with its openssl extension; no Composer.
// (With Composer, firebase/php-jwt can take the place of verify()'s first half: JWT::decode with
// JWK::parseKeySet. Check typ, iss and aud all the same: it does not.)
//
// The whole of callback.php:
//
//   require 'Tgauth.php';
//   session_start();
//   // Where you began the login: compare `state` first, as docs/integrate.md shows.
//   $tgauth = new Tgauth('https://login.example.org', 'my-app');
//   try {
//       $login = $tgauth->callback($_GET);
//   } catch (LoginFailed $failure) {
//       http_response_code(400);
//       exit(htmlspecialchars($failure->getMessage()) . ' Please send /login to the bot again.');
//   }
//   $_SESSION = [];                  // whoever was logged in before is not this person
//   session_regenerate_id(true);
//   $_SESSION['user'] = $login['claims']['sub'];
//   $_SESSION['token'] = $login['access_token']; // on the server: it is a secret
//   header('Location: /', true, 303); // the code leaves the address bar
//
// Whoever logged out at tgauth is logged out here as well when you ask now and then, say once a minute
// for each person, and before anything that matters:
//
//   if (!$tgauth->isAlive($_SESSION['token'])) {
//       session_destroy();
//   }

declare(strict_types=1);

/** Why nobody was logged in; the person can send /login again. */
final class LoginFailed extends RuntimeException
{
}

/** One application at one tgauth. */
final class Tgauth
{
    /** Seconds that the two machines' clocks may differ. */
    private const LEEWAY = 30;

    /** What stands before the point of a P-256 key in DER: SubjectPublicKeyInfo, RFC 5480 §2. */
    private const P256_HEADER = '3059301306072a8648ce3d020106082a8648ce3d030107034200';

    private readonly string $issuer;

    public function __construct(
        string $issuer,
        private readonly string $clientId,
        private readonly ?string $clientSecret = null,
    ) {
        $this->issuer = rtrim($issuer, '/');
    }

    /**
     * Log in whoever arrives at the callback address.
     *
     * @param array<string, mixed> $query `$_GET`
     * @return array{claims: array<string, mixed>, user: array<string, mixed>, access_token: string}
     *     `claims.sub` is the account's stable name; `user.name` is what to show.
     * @throws LoginFailed There is no code, it is not good (any more), or the answer is not genuine.
     */
    public function callback(array $query): array
    {
        $code = $query['code'] ?? null;
        if (!is_string($code) || $code === '') {
            throw new LoginFailed('This login link is incomplete.');
        }
        $answer = $this->exchange($code);
        $token = $answer['access_token'];
        return ['claims' => $this->verify($token), 'user' => $answer['user'], 'access_token' => $token];
    }

    /**
     * Turn a one-time code into a token, from server to server.
     *
     * @return array{access_token: string, user: array<string, mixed>}
     * @throws LoginFailed The code is not good (any more), or tgauth does not answer.
     */
    public function exchange(string $code): array
    {
        $body = ['code' => $code];
        if ($this->clientSecret !== null) {
            $body['client_secret'] = $this->clientSecret;
        }
        [$status, $answer] = $this->request('/api/auth/callback', $body);
        if ($status === 200 && is_string($answer['access_token'] ?? null) && is_array($answer['user'] ?? null)) {
            return $answer;
        }
        throw new LoginFailed((string) ($answer['error_description'] ?? 'The login service is in trouble.'));
    }

    /**
     * Say whether the session of a login still lives at tgauth. It does not once the person or the
     * operator ended it, or the token's own time is over: then end yours, and let the person log in
     * again.
     *
     * @throws LoginFailed tgauth does not answer, so nobody knows: ask again later.
     */
    public function isAlive(string $accessToken): bool
    {
        [$status, $answer] = $this->request('/api/auth/me', token: $accessToken);
        if ($status === 401) {
            return false;
        }
        if ($status === 200 && is_string($answer['user']['sub'] ?? null)) {
            return true;
        }
        throw new LoginFailed('The login service is in trouble. Please try again.');
    }

    /**
     * Return the claims of a token that is genuine, current, and meant for this application.
     *
     * @return array<string, mixed>
     * @throws LoginFailed It is not, or the issuer's keys cannot be fetched.
     */
    public function verify(string $token): array
    {
        $parts = explode('.', $token);
        if (count($parts) !== 3) {
            throw new LoginFailed('The login service\'s answer is no token.');
        }
        $header = self::json(self::decode($parts[0]));
        // ES256 and nothing else, never what the token itself asks for; the type: RFC 9068 §4.
        $type = $header['typ'] ?? '';
        if (($header['alg'] ?? '') !== 'ES256' || !is_string($type) || strtolower($type) !== 'at+jwt') {
            throw new LoginFailed('The login service\'s answer is no access token.');
        }
        $signature = self::decode($parts[2]);
        $key = $this->key($header['kid'] ?? null);
        if (
            strlen($signature) !== 64
            || openssl_verify("$parts[0].$parts[1]", self::der($signature), $key, OPENSSL_ALGO_SHA256) !== 1
        ) {
            throw new LoginFailed('The login service\'s answer is not genuine.');
        }
        return $this->judge(self::json(self::decode($parts[1])));
    }

    /** Return the claims if they are for us, and now. */
    private function judge(array $claims): array
    {
        $expires = $claims['exp'] ?? null;
        if (!is_int($expires) || !is_string($claims['sub'] ?? null)) {
            throw new LoginFailed('The login service\'s answer lacks a claim.');
        }
        if ($expires + self::LEEWAY <= time()) {
            throw new LoginFailed('The login service\'s answer has expired.');
        }
        if (
            ($claims['iss'] ?? '') !== $this->issuer
            || !in_array($this->clientId, (array) ($claims['aud'] ?? []), true)
        ) {
            throw new LoginFailed('The login service\'s answer is meant for somebody else.');
        }
        return $claims;
    }

    /** Return the public key that a token names; it is fetched at every login. */
    private function key(mixed $id): OpenSSLAsymmetricKey
    {
        [, $answer] = $this->request('/.well-known/jwks.json');
        foreach ($answer['keys'] ?? [] as $jwk) {
            if (($jwk['kid'] ?? null) === $id && ($jwk['kty'] ?? '') === 'EC' && ($jwk['crv'] ?? '') === 'P-256') {
                $point = "\x04" . self::decode($jwk['x']) . self::decode($jwk['y']);
                $der = base64_encode(hex2bin(self::P256_HEADER) . $point);
                $key = openssl_pkey_get_public("-----BEGIN PUBLIC KEY-----\n$der\n-----END PUBLIC KEY-----");
                if ($key !== false) {
                    return $key;
                }
            }
        }
        throw new LoginFailed('The login service\'s answer is signed by an unknown key.');
    }

    /**
     * Ask the issuer; a body makes it a POST.
     *
     * @return array{int, array<string, mixed>} The status, and the JSON.
     */
    private function request(string $path, ?array $body = null, ?string $token = null): array
    {
        $options = ['ignore_errors' => true, 'timeout' => 10, 'follow_location' => 0];
        if ($token !== null) {
            $options['header'] = "Authorization: Bearer $token";
        }
        if ($body !== null) {
            $options += [
                'method' => 'POST',
                'header' => 'Content-Type: application/json',
                'content' => json_encode($body, JSON_THROW_ON_ERROR),
            ];
        }
        $stream = @fopen($this->issuer . $path, 'r', false, stream_context_create(['http' => $options]));
        $text = $stream === false ? false : stream_get_contents($stream);
        $status = $stream === false ? '' : (stream_get_meta_data($stream)['wrapper_data'][0] ?? '');
        if ($text === false || preg_match('#^HTTP/\S+ (\d{3})#', $status, $found) !== 1) {
            throw new LoginFailed('The login service does not answer. Please try again.');
        }
        return [(int) $found[1], self::json($text)];
    }

    /** Turn the 64 bytes of a JWS signature into what openssl takes (RFC 7518 §3.4, RFC 3279 §2.2.3). */
    private static function der(string $signature): string
    {
        $numbers = '';
        foreach (str_split($signature, 32) as $number) {
            $number = ltrim($number, "\0");
            if ($number === '' || ord($number[0]) >= 0x80) {
                $number = "\0" . $number;
            }
            $numbers .= "\x02" . chr(strlen($number)) . $number;
        }
        return "\x30" . chr(strlen($numbers)) . $numbers;
    }

    private static function decode(string $base64url): string
    {
        $bytes = base64_decode(strtr($base64url, '-_', '+/'), true);
        return $bytes === false ? '' : $bytes;
    }

    /** @return array<string, mixed> */
    private static function json(string $text): array
    {
        $found = json_decode($text, true, 16);
        if (!is_array($found)) {
            throw new LoginFailed('The login service does not answer. Please try again.');
        }
        return $found;
    }
}
