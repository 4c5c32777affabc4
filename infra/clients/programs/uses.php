<?php
// Uses the package that openapi-generator made, with Guzzle as Debian packages it.
declare(strict_types=1);

require 'GuzzleHttp/autoload.php';
spl_autoload_register(static function (string $name): void {
    if (str_starts_with($name, 'OpenAPI\\Client\\')) {
        require __DIR__ . '/lib/' . strtr(substr($name, strlen('OpenAPI\\Client\\')), '\\', '/') . '.php';
    }
});
set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    throw new ErrorException($message, 0, $level, $file, $line);
}, E_ALL & ~E_DEPRECATED);

use OpenAPI\Client\Api\PaymentsApi;
use OpenAPI\Client\ApiException;
use OpenAPI\Client\Configuration;
use OpenAPI\Client\Model\Payment;
use OpenAPI\Client\Model\PaymentRequest;

function connected(string $variable): PaymentsApi
{
    $configuration = (new Configuration())->setHost(getenv($variable))->setAccessToken(getenv('CTRIP_API_KEY'));
    return new PaymentsApi(null, $configuration);
}

function created(PaymentsApi $api, string $amount): Payment
{
    return $api->createPayment(new PaymentRequest(['chain' => 'anvil', 'amount' => $amount]));
}

$today = connected('CTRIP_URL');
foreach (explode(' ', getenv('CTRIP_AMOUNTS')) as $amount) {
    $payment = created($today, $amount);
    $read = $today->readPayment($payment->getId())->getAmountStr();
    echo "amount $amount {$payment->getId()} {$payment->getAmountStr()} $read\n";
}

$tomorrow = connected('CTRIP_TOMORROW_URL');
$payment = $tomorrow->readPayment(created($tomorrow, '1')->getId());
$flags = $payment->getExceptions();
echo "status {$payment->getStatus()}\n";
echo 'flag ' . end($flags) . " {$payment->getException()}\n";
echo 'field ' . (isset($payment['field_of_tomorrow']) ? 'kept' : 'ignored') . "\n";
echo "listed {$tomorrow->listPayments(5)->getData()[0]->getStatus()}\n";
try {
    $tomorrow->readPayment('none');
} catch (ApiException $refusal) {
    echo "code {$refusal->getResponseObject()->getCode()}\n";
}
