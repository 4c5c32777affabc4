// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What deposit addresses delegate to by EIP-7702: it moves a token's whole balance to the treasury, for the batcher alone.
///
/// It has no owner, no storage, and no call that the caller may choose. A new treasury or operator is a new pair of
/// contracts at new addresses; an address that delegates to an older pair goes on paying the older treasury alone.
contract SweepDelegate {
    address public immutable treasury;
    address public immutable batcher;

    error NotBatcher();
    error NotMoved(address token);

    constructor(address treasury_, address batcher_) {
        require(treasury_ != address(0) && batcher_.code.length != 0);
        (treasury, batcher) = (treasury_, batcher_);
    }

    /// A delegated address must go on accepting plain payments.
    receive() external payable {}

    /// Moves all of a token; reverts unless the token says that it did, or says nothing, as mainnet's USDT.
    function sweep(address token) external {
        if (msg.sender != batcher) revert NotBatcher();
        uint256 held;
        assembly ("memory-safe") {
            mstore(0, shl(224, 0x70a08231)) // balanceOf(address)
            mstore(4, address())
            // Whatever a token answers beyond a word is never copied.
            let told := staticcall(gas(), token, 0, 36, 0, 32)
            if and(told, gt(returndatasize(), 31)) { held := mload(0) }
        }
        if (held == 0) revert NotMoved(token);
        address to = treasury;
        bool moved;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, shl(224, 0xa9059cbb)) // transfer(address,uint256)
            mstore(add(at, 4), to)
            mstore(add(at, 36), held)
            let done := call(gas(), token, 0, at, 68, 0, 32)
            moved := and(done, or(iszero(returndatasize()), and(gt(returndatasize(), 31), eq(mload(0), 1))))
        }
        if (!moved) revert NotMoved(token);
    }
}

/// Calls many delegates in one transaction, for the operator alone; a bad member costs its share of gas and nothing else.
contract SweepBatcher {
    address public immutable operator;

    error NotOperator();

    /// The token of this account was not moved.
    event Skipped(address indexed account, address indexed token);

    constructor(address operator_) {
        require(operator_ != address(0));
        operator = operator_;
    }

    /// Gives each account at most `gasEach`. It stops before the first one that it could give less: what is left out
    /// keeps its tokens, and what was moved stays moved.
    function sweep(address token, address[] calldata accounts, uint256 gasEach) external {
        if (msg.sender != operator) revert NotOperator();
        for (uint256 i; i < accounts.length; ++i) {
            // A call passes on 63 of 64 parts at most; 12,000 is for the call itself, the event and the way out.
            if (gasleft() < gasEach + gasEach / 63 + 12_000) return;
            address account = accounts[i];
            bool moved;
            if (account.code.length != 0) {
                assembly ("memory-safe") {
                    mstore(0, shl(224, 0x01681a62)) // sweep(address)
                    mstore(4, token)
                    // What an account answers is never copied, so that none of it costs the others.
                    moved := call(gasEach, account, 0, 0, 36, 0, 0)
                }
            }
            if (!moved) emit Skipped(account, token);
        }
    }
}
