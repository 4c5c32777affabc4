"""What the documents of this gateway have in common, for zlib: most of a document is what every other one says too.

A stream names the dictionary that it was made with by its checksum (RFC 1950, FDICT), so that documents of every age
stay readable: a dictionary here is never changed and never taken away. A better one is added, and becomes `NEWEST`.
"""

import zlib

# Names as the documents spell them, the rarest first: zlib finds what stands near the end for a bit less.
_FIRST = (
    b'"description":null,"cancel_url":"https://","success_url":"https://","from":null,"flags":["held","reorged",'
    b'"manual","late","wrong_network","wrong_asset","underpaid","overpaid"],"status":"expired","status":"failed",'
    b"payment.expired payment.held payment.released payment.reorged payment.overpaid payment.underpaid payment.late "
    b"payment.cancelled payment.failed deposit.unmatched deposit.wrong_asset deposit.wrong_network"
    b'ethereum polygon base arbitrum optimism sepolia bsc anvil "symbol":"USDC","decimals":6,"symbol":"USDT","DAI"'
    b'/transfer?address=0x&uint256= "0xa9059cbb000000000000000000000000'
    b'{"body_hash":"","payment_id":"","event_ulid":"01K'
    b'{"id":"#000004","owner":"","chain":"","asset":"native","debit":"on_addresses","credit":"available:'
    b'"debit":"gas_expense","credit":"gas_station","debit":"token_fee_expense","credit":"on_addresses","amount":"'
    b'"debit":"treasury","credit":"on_addresses","amount":"","payment_id":"","tx_hash":null,"at":1}'
    b'{"chain":"","sender":"0x","nonce":0,"path":"m/44\'/60\'/1\'/0/0","kind":"fund","kind":"sweep","payment_id":"'
    b'","merchant_id":"","asset":"native","token":null,"to":"0x","state":"failed","state":"mined","state":"final",'
    b'"attempts":[{"raw":"0x02f8","tx_hash":"0x","gas":21000,"max_fee":"","priority_fee":"","value":"","head":'
    b'}],"tx_hash":"0x","block_number":,"block_hash":"0x","amount":"","left":"","fee":"","created_at":1,'
    b'"updated_at":1,"version":'
    b'{"at":1,"latency_ms":,"status_code":204,"error":null,"next_attempt_at":null}'
    b'{"version":,"body":"{\\"action\\":\\"payment.settled\\",\\"actor\\":\\"key:\\",\\"address\\":\\"\\",\\"request_id\\":'
    b'\\"\\",\\"at\\":1,\\"before\\":{\\"status\\":\\"pending\\",\\"flags\\":[],\\"received\\":\\"0\\",\\"confirmed\\":'
    b'\\"0\\",\\"credited\\":\\"0\\"},\\"after\\":{\\"status\\":\\"detected\\",\\"accept_requested\\":false}}"'
    b'{"version":,"body":"{\\"event\\":\\"payment.settled\\",\\"actor\\":\\"api\\",\\"actor\\":\\"sweep\\",'
    b'\\"actor\\":\\"scan\\",\\"at\\":1,\\"from\\":null,\\"from\\":\\"pending\\",\\"to\\":\\"detected\\",'
    b'\\"from\\":\\"confirmed\\",\\"to\\":\\"paid\\",\\"from\\":\\"paid\\",\\"to\\":\\"settled\\",\\"flags\\":[],'
    b'\\"received\\":\\"0\\",\\"confirmed\\":\\"0\\",\\"credited\\":\\"0\\"}","previous":"","hash":"'
    b'{"chain":"","token_id":null,"token_address":null,"symbol":"ETH","decimals":18,"address":"0x'
    b'","derivation_path":"m/44\'/60\'/1\'/0/1","amount":"000000000000000000","required_confirmations":12,'
    b'"created_at":1,"updated_at":1,"expires_at":1,"checkout_url":"https://pay.'
    b'","payment_uri":"ethereum:0x@1?value=000000000000000000","policy":{"monitoring_seconds":86400,"late":"accept",'
    b'"custody":"hot"},"status":"pending","status":"detected","status":"confirmed","status":"paid",'
    b'"status":"settled","tier":"open","tier":"sweep","tier":"monitored","raised_at":1,"version":,"audit_head":"'
    b'","amount_received":"000000000000000000","amount_confirmed":"000000000000000000","credited":"'
    b'000000000000000000","confirmations":3,"detected_in_block":,"observations":[{"amount":"000000000000000000",'
    b'"block_number":,"block_hash":"0x","block_time":1}],"transfers":[{"tx_hash":"0x","log_index":null,'
    b'"block_number":,"block_hash":"0x","sender":"0x","amount":"000000000000000000"}],"explained_to":,'
    b'"moves":[{"tx_hash":"0x","token":null,"amount":"-000000000000000000","block_number":,"block_hash":"0x'
    b'","intent":"#0x#000000000000"}],"sweeps":[{"tx_hash":"0x","status":"final","amount":"000000000000000000"}],'
    b'"order_id":"","metadata":[["",""],["",""]],"webhook_url":"https://'
    b'","success_url":"https://","detected_at":1,"confirmed_at":1,"paid_at":1,"settled_at":1}'
    b'{"type":"payment.settled","payment_id":"","at":1,"url":"https://","request_id":"'
    b'{"type":"payment.settled","payment_id":"","at":1,"url":"https://"}\n'
    b'{"id":"evt_01K","type":"payment.settled","api_version":"2026-11-01","timestamp":"2026-11-01T00:00:00.000Z",'
    b'"data":{"id":"","chain":"ethereum","token_id":null,"symbol":"ETH","decimals":18,"address":"0x'
    b'","derivation_path":"m/44\'/60\'/1\'/0/1","status":"pending","exception":null,"exceptions":[],'
    b'"fulfillable":false,"fulfillable":true,"amount":000000000000000000,"amount_str":"000000000000000000",'
    b'"amount_received":0,"amount_received_str":"0","amount_received":000000000000000000,"amount_received_str":"'
    b'000000000000000000","amount_confirmed":0,"amount_confirmed_str":"0","amount_confirmed":000000000000000000,'
    b'"amount_confirmed_str":"000000000000000000","amount_decimal":"1.5","received_decimal":"1.5",'
    b'"confirmations":0,"required_confirmations":12,"detected_in_block":null,"payment_uri":"ethereum:0x'
    b'@1?value=000000000000000000","checkout_url":"https://pay./pay/","order_id":"","metadata":{"":"","":""},'
    b'"description":null,"success_url":null,"cancel_url":null,"created_at":"2026-11-01T00:00:00.000Z",'
    b'"expires_at":"2026-11-01T00:30:00.000Z","updated_at":"2026-11-01T00:00:00.000Z","detected_at":null,'
    b'"confirmed_at":null,"paid_at":null,"settled_at":null,"detected_at":"2026-11-01T00:00:00.000Z",'
    b'"confirmed_at":"2026-11-01T00:00:00.000Z","paid_at":"2026-11-01T00:00:00.000Z","settled_at":"2026-11-01T00:'
    b'00:00.000Z","transfers":[],"sweeps":[],"transfers":[{"tx_hash":"0x","log_index":null,"block_number":,'
    b'"block_hash":"0x","from":"0x","amount":000000000000000000,"amount_str":"000000000000000000",'
    b'"confirmations":3}],"sweeps":[{"tx_hash":"0x","status":"final","amount":000000000000000000,"amount_str":"'
    b'000000000000000000"}],"object":"payment","sequence":2},"event":"payment.confirmed","payment_id":"'
    b'","address":"0x","amount":000000000000000000,"amount_str":"000000000000000000","chain":"","status":"paid"}'
)

ALL = (_FIRST,)
NEWEST = ALL[-1]
_BY_CHECKSUM = {zlib.adler32(each): each for each in ALL}
_FDICT = 0x20


def compress(text: str) -> bytes:
    """Compress a document with the newest dictionary."""
    # Small windows and tables: to set up the usual ones takes longer than to compress two kilobytes.
    packer = zlib.compressobj(6, wbits=13, memLevel=5, zdict=NEWEST)
    return packer.compress(text.encode()) + packer.flush()


def decompress(packed: bytes) -> str:
    """Read a document that any version of this module has compressed, those without a dictionary too."""
    if not packed[1] & _FDICT:
        return zlib.decompress(packed).decode()
    unpacker = zlib.decompressobj(zdict=_BY_CHECKSUM[int.from_bytes(packed[2:6])])
    return (unpacker.decompress(packed) + unpacker.flush()).decode()
