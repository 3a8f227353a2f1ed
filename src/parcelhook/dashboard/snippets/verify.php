<?php
// $body: the bytes as they came, file_get_contents('php://input'), never parsed and rewritten JSON.
function is_genuine(string $secret, array $headers, string $body): bool
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $signed = $headers['webhook-id'] . '.' . $headers['webhook-timestamp'] . '.' . $body;
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
    $genuine = false;
    foreach (explode(' ', $headers['webhook-signature']) as $given) {
        $genuine = hash_equals($expected, $given) || $genuine;
    }
    return $genuine && strlen($key) >= 24 && abs(time() - (int) $headers['webhook-timestamp']) <= 300;
}
