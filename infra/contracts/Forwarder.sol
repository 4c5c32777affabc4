// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IERC20 {
    function transferFrom(address from, address to, uint256 value) external;
}

/// Pays as exchanges and smart wallets do: from inside a contract. For tests only.
contract Forwarder {
    error Regretted();

    /// Sends what came with the call on to `to`.
    function forward(address payable to) external payable {
        _send(to, msg.value);
    }

    /// Pays `to` twice in one transaction.
    function forwardTwice(address payable to) external payable {
        _send(to, msg.value / 2);
        _send(to, msg.value - msg.value / 2);
    }

    /// Pays `to` inside a frame that then reverts: the transaction succeeds, nothing moves.
    function pretend(address payable to) external payable {
        try this.forwardAndRevert{value: msg.value}(to) {} catch {}
    }

    function forwardAndRevert(address payable to) external payable {
        _send(to, msg.value);
        revert Regretted();
    }

    /// Pays `to` by the self-destruction of a contract created for it.
    function destroyInto(address payable to) external payable {
        new Bequest{value: msg.value}(to);
    }

    function disperse(address payable[] calldata to, uint256[] calldata amounts) external payable {
        for (uint256 i; i < to.length; ++i) _send(to[i], amounts[i]);
    }

    /// Pays from the caller's allowance; accepts tokens that return nothing.
    function disperseToken(IERC20 token, address[] calldata to, uint256[] calldata amounts) external {
        for (uint256 i; i < to.length; ++i) token.transferFrom(msg.sender, to[i], amounts[i]);
    }

    /// Pays a token to `to` inside a frame that then reverts: the transaction succeeds, nothing moves.
    function pretendToken(IERC20 token, address to, uint256 value) external {
        try this.pullAndRevert(token, msg.sender, to, value) {} catch {}
    }

    function pullAndRevert(IERC20 token, address from, address to, uint256 value) external {
        token.transferFrom(from, to, value);
        revert Regretted();
    }

    function _send(address payable to, uint256 value) private {
        (bool ok,) = to.call{value: value}("");
        require(ok, "payment refused");
    }
}

contract Bequest {
    constructor(address payable heir) payable {
        selfdestruct(heir);
    }
}
