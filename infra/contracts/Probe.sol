// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Reads many balances in one eth_call that deploys nothing: no `to`, the data is this creation code and its argument.
///
/// Argument, groups one after another:  token (20 bytes, zero: the coin) | count (2) | count x address (20)
/// Answer:                              block number (32) | hash of its parent (32) | addresses answered (2) | values
/// Values, per group:                   a token's total supply, then the balances, each as length (1) | big-endian bytes.
/// A length of 0xff is "unknown": the contract reverted, ran out of its gas cap or answered less than a word.
///
/// The answer becomes deployed code, so it may have 24,576 bytes and begins with a zero byte (EIP-170, EIP-3541). When
/// it is full, or gas runs short, the probe stops: what was not answered is asked again, never answered wrongly.
contract Probe {
    constructor(bytes memory wanted) {
        assembly {
            // Appends a length-prefixed value; what mstore leaves behind it is overwritten by the next one.
            function write(out, value) -> next {
                let size := shl(4, gt(value, 0xffffffffffffffffffffffffffffffff))
                size := or(size, shl(3, gt(shr(shl(3, size), value), 0xffffffffffffffff)))
                size := or(size, shl(2, gt(shr(shl(3, size), value), 0xffffffff)))
                size := or(size, shl(1, gt(shr(shl(3, size), value), 0xffff)))
                size := or(size, gt(shr(shl(3, size), value), 0xff))
                size := add(size, iszero(iszero(value)))
                mstore8(out, size)
                mstore(add(out, 1), shl(sub(256, shl(3, size)), value))
                next := add(add(out, 1), size)
            }
            // Asks a token with 200,000 gas at most; `burnt` says that it used nearly all of it.
            function ask(token, scratch, size, out) -> next, burnt {
                let before := gas()
                let ok := staticcall(200000, token, scratch, size, add(scratch, 64), 32)
                burnt := and(iszero(ok), gt(sub(before, gas()), 180000))
                switch and(ok, gt(returndatasize(), 31))
                case 0 {
                    mstore8(out, 0xff)
                    next := add(out, 1)
                }
                default { next := write(out, mload(add(scratch, 64))) }
            }
            // Room for one more value, gas for one more call and for storing the answer (200 a byte).
            function room(start, out) -> yes {
                let used := sub(out, start)
                yes := and(lt(used, 24500), gt(gas(), add(240000, mul(200, used))))
            }

            let end := add(add(wanted, 32), mload(wanted))
            let scratch := and(add(end, 63), not(31))
            let start := add(scratch, 96)
            let out := add(start, 66)
            let answered := 0
            for { let at := add(wanted, 32) } lt(at, end) {} {
                let token := shr(96, mload(at))
                let last := add(at, mul(20, and(shr(80, mload(at)), 0xffff)))
                at := add(at, 2)
                last := add(last, 2)
                let burnt := 0
                if iszero(room(start, out)) { break }
                if token {
                    mstore(scratch, shl(224, 0x18160ddd)) // totalSupply()
                    out, burnt := ask(token, scratch, 4, out)
                    mstore(scratch, shl(224, 0x70a08231)) // balanceOf(address)
                }
                for {} lt(at, last) {} {
                    if iszero(room(start, out)) { break }
                    at := add(at, 20)
                    let who := shr(96, mload(at))
                    switch token
                    case 0 { out := write(out, balance(who)) }
                    default {
                        switch burnt
                        case 0 {
                            mstore(add(scratch, 4), who)
                            out, burnt := ask(token, scratch, 36, out)
                        }
                        default { // a token that burns gas is not asked again: the others must not starve
                            mstore8(out, 0xff)
                            out := add(out, 1)
                        }
                    }
                    answered := add(answered, 1)
                }
                if lt(at, last) { break }
                at := add(at, 20)
            }
            mstore(start, number())
            mstore(add(start, 32), blockhash(sub(number(), 1)))
            mstore8(add(start, 64), shr(8, answered))
            mstore8(add(start, 65), answered)
            return(start, sub(out, start))
        }
    }
}
