<?php

// Asks the PHP snippet what the tests ask: one line in, one line of JSON out.

declare(strict_types=1);

set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return false;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});
require __DIR__ . '/Tgauth.php';

$tgauth = new Tgauth($argv[1], $argv[2], $argv[3] ?? null);
while (($line = fgets(STDIN)) !== false) {
    [$question, $argument] = explode(' ', rtrim($line, "\n"), 2);
    try {
        if ($question === 'callback') {
            parse_str($argument, $query);
            $login = $tgauth->callback($query);
            $answer = [
                'claims' => $login['claims'],
                'name' => $login['user']['name'],
                'token' => $login['access_token'],
            ];
        } elseif ($question === 'alive') {
            $answer = ['alive' => $tgauth->isAlive($argument)];
        } else {
            $answer = ['claims' => $tgauth->verify($argument)];
        }
    } catch (LoginFailed $failure) {
        $answer = ['refused' => $failure->getMessage()];
    }
    echo json_encode($answer, JSON_THROW_ON_ERROR), "\n";
}
