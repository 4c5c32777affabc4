// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Pays many recipients in one transaction, for its immutable treasury alone; a bad recipient costs its share of gas and
/// nothing else.
///
/// It has no owner, no storage, keeps nothing, and makes no call that the caller may choose beside the payments
/// themselves. Tokens are taken from the treasury, which has approved this contract, and go nowhere but to recipients.
contract PayoutBatcher {
    address public immutable treasury;

    struct Payment {
        address to;
        uint256 amount;
    }

    error NotTreasury();
    error NoToken(address token);
    error CoinBesideToken();
    error NotReturned();

    /// The coin went to a recipient; logged as tokens log theirs, since a receipt tells nothing of it.
    event Transfer(address indexed from, address indexed to, uint256 value);
    /// This recipient was not paid.
    event Skipped(address indexed to, uint256 amount);

    constructor(address treasury_) {
        require(treasury_ != address(0));
        treasury = treasury_;
    }

    /// Pays in `token`, or in the coin where that is zero, and gives each recipient at most `gasEach`. It stops before the
    /// first one that it could give less: what is left out is not paid, and what was paid stays paid.
    function pay(address token, Payment[] calldata payments, uint256 gasEach) external payable {
        if (msg.sender != treasury) revert NotTreasury();
        if (token == address(0)) {
            _payCoin(payments, gasEach);
        } else {
            if (token.code.length == 0) revert NoToken(token);
            if (msg.value != 0) revert CoinBesideToken();
            _payToken(token, payments, gasEach);
        }
    }

    function _payCoin(Payment[] calldata payments, uint256 gasEach) private {
        for (uint256 i; i < payments.length; ++i) {
            // A call passes on 63 of 64 parts at most; 60,000 is for the call itself, which may make an account, the
            // event, and the way of the rest back to the treasury.
            if (gasleft() < gasEach + gasEach / 63 + 60_000) break;
            (address to, uint256 amount) = (payments[i].to, payments[i].amount);
            bool paid;
            assembly ("memory-safe") {
                // What a recipient answers is never copied, so that none of it costs the others.
                paid := call(gasEach, to, amount, 0, 0, 0, 0)
            }
            if (paid) emit Transfer(msg.sender, to, amount);
            else emit Skipped(to, amount);
        }
        uint256 rest = address(this).balance;
        if (rest != 0) {
            address back = treasury;
            bool returned;
            assembly ("memory-safe") {
                returned := call(gas(), back, rest, 0, 0, 0, 0)
            }
            if (!returned) revert NotReturned();
        }
    }

    /// A token that answers nothing, as mainnet's USDT, has paid; what else it answers must be true.
    function _payToken(address token, Payment[] calldata payments, uint256 gasEach) private {
        address from = treasury;
        for (uint256 i; i < payments.length; ++i) {
            // 15,000 is for the call itself, the event and the way out.
            if (gasleft() < gasEach + gasEach / 63 + 15_000) return;
            (address to, uint256 amount) = (payments[i].to, payments[i].amount);
            bool paid;
            assembly ("memory-safe") {
                let at := mload(0x40)
                mstore(at, shl(224, 0x23b872dd)) // transferFrom(address,address,uint256)
                mstore(add(at, 4), from)
                mstore(add(at, 36), to)
                mstore(add(at, 68), amount)
                let done := call(gasEach, token, 0, at, 100, 0, 32)
                paid := and(done, or(iszero(returndatasize()), and(gt(returndatasize(), 31), eq(mload(0), 1))))
            }
            if (!paid) emit Skipped(to, amount);
        }
    }
}
