// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Stand-ins for the local stack and the tests, each with the oddity that its namesake is known for. Never deployed for real.

abstract contract TestToken {
    string public name;
    string public symbol;
    uint8 public immutable decimals;
    address public immutable owner;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(string memory name_, string memory symbol_, uint8 decimals_, address[] memory holders, uint256 each) {
        (name, symbol, decimals, owner) = (name_, symbol_, decimals_, msg.sender);
        for (uint256 i; i < holders.length; ++i) _mint(holders[i], each);
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "owner only");
        _;
    }

    function mint(address to, uint256 value) external onlyOwner {
        _mint(to, value);
    }

    /// Destroys a holder's units, as issuers do with blacklisted funds.
    function burn(address from, uint256 value) external onlyOwner {
        balanceOf[from] -= value;
        totalSupply -= value;
        emit Transfer(from, address(0), value);
    }

    function _mint(address to, uint256 value) internal {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function _move(address from, address to, uint256 value) internal virtual {
        require(to != address(0), "transfer to zero");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }

    function _spend(address from, uint256 value) internal {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
    }

    function _approve(address from, address spender, uint256 value) internal {
        allowance[from][spender] = value;
        emit Approval(from, spender, value);
    }
}

abstract contract StandardToken is TestToken {
    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, value);
        _move(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }
}

/// 6 decimals, EIP-2612 `permit`, EIP-3009 authorizations.
contract USDC is StandardToken {
    bytes32 public constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH =
        keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    string public constant version = "2";
    bytes32 public immutable DOMAIN_SEPARATOR;
    mapping(address => uint256) public nonces;
    mapping(address => mapping(bytes32 => bool)) public authorizationState;

    struct Signature {
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    constructor(address[] memory holders, uint256 each) TestToken("USD Coin", "USDC", 6, holders, each) {
        DOMAIN_SEPARATOR = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("USD Coin"),
                keccak256("2"),
                block.chainid,
                address(this)
            )
        );
    }

    function permit(address from, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        require(block.timestamp <= deadline, "permit is expired");
        bytes32 digest = keccak256(abi.encode(PERMIT_TYPEHASH, from, spender, value, nonces[from]++, deadline));
        _check(from, digest, Signature(v, r, s));
        _approve(from, spender, value);
    }

    function transferWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s
    ) external {
        _authorized(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce, Signature(v, r, s));
    }

    function receiveWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s
    ) external {
        require(to == msg.sender, "caller must be the payee");
        _authorized(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce, Signature(v, r, s));
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        require(!authorizationState[authorizer][nonce], "authorization is used or canceled");
        _check(authorizer, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), Signature(v, r, s));
        authorizationState[authorizer][nonce] = true;
        emit AuthorizationCanceled(authorizer, nonce);
    }

    function _authorized(
        bytes32 typehash, address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, Signature memory signature
    ) private {
        require(block.timestamp > validAfter, "authorization is not yet valid");
        require(block.timestamp < validBefore, "authorization is expired");
        require(!authorizationState[from][nonce], "authorization is used or canceled");
        _check(from, keccak256(abi.encode(typehash, from, to, value, validAfter, validBefore, nonce)), signature);
        authorizationState[from][nonce] = true;
        emit AuthorizationUsed(from, nonce);
        _move(from, to, value);
    }

    function _check(address signer, bytes32 structHash, Signature memory signature) private view {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR, structHash));
        require(signer != address(0) && ecrecover(digest, signature.v, signature.r, signature.s) == signer, "invalid signature");
    }
}

/// 6 decimals; `transfer`, `transferFrom` and `approve` return nothing, as on Ethereum.
contract USDT is TestToken {
    constructor(address[] memory holders, uint256 each) TestToken("Tether USD", "USDT", 6, holders, each) {}

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        _spend(from, value);
        _move(from, to, value);
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0, "reset to zero first");
        _approve(msg.sender, spender, value);
    }
}

/// 18 decimals, no oddity.
contract DAI is StandardToken {
    constructor(address[] memory holders, uint256 each) TestToken("Dai Stablecoin", "DAI", 18, holders, each) {}
}

/// 18 decimals; one percent of each transfer goes to the owner, while the log of the payment names what arrived.
contract FEE is StandardToken {
    constructor(address[] memory holders, uint256 each) TestToken("Fee on transfer", "FEE", 18, holders, each) {}

    function _move(address from, address to, uint256 value) internal override {
        uint256 fee = value / 100;
        super._move(from, owner, fee);
        super._move(from, to, value - fee);
    }
}

/// `balanceOf` misbehaves: 1 reverts with data, 2 burns all gas, 3 answers short, 4 lies above the supply, 5 answers at length.
contract Hostile {
    uint256 public mode;
    uint256 public constant totalSupply = 1000;
    uint8 public constant decimals = 6;

    constructor(uint256 mode_) {
        mode = mode_;
    }

    function become(uint256 mode_) external {
        mode = mode_;
    }

    function balanceOf(address) external view returns (uint256) {
        uint256 m = mode;
        if (m == 1) revert("this text is longer than one word of thirty-two bytes and must not become a balance");
        if (m == 2) assembly { invalid() }
        if (m == 3) assembly { mstore(0, not(0)) return(0, 16) }
        if (m == 4) return totalSupply + 1;
        if (m == 5) assembly { return(0, 100000) }
        return 7;
    }

    event Transfer(address indexed from, address indexed to, uint256 value);

    /// Logs a payment that never happened.
    function forge(address to, uint256 value) external {
        emit Transfer(msg.sender, to, value);
    }
}

/// Balances are true; logs and answers are not. Listed by mistake or by malice, it must credit exactly what moved.
contract Deceiver is TestToken {
    constructor() TestToken("Deceiver", "LIE", 6, new address[](0), 0) {}

    /// Moves nothing, says so, and reverts nothing, as tokens older than the standard do.
    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }

    /// Moves nothing and logs it all the same.
    function forge(address to, uint256 value) external {
        emit Transfer(msg.sender, to, value);
    }

    /// Logs as ERC-721 does: the third value is indexed too.
    function forgeCollectible(address to, uint256 id) external {
        bytes32 name_ = keccak256("Transfer(address,address,uint256)");
        assembly { log4(0, 0, name_, caller(), to, id) }
    }

    /// Logs as tokens older than indexed arguments do.
    function forgePlain(address to, uint256 value) external {
        bytes32 name_ = keccak256("Transfer(address,address,uint256)");
        assembly {
            let at := mload(0x40)
            mstore(at, caller())
            mstore(add(at, 32), to)
            mstore(add(at, 64), value)
            log1(at, 96, name_)
        }
    }

    /// Moves once and logs twice.
    function exaggerate(address to, uint256 value) external {
        _move(msg.sender, to, value);
        emit Transfer(msg.sender, to, value);
    }

    /// Moves and logs nothing.
    function whisper(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }
}

/// Honest to all but the holders whose mode is set. `transfer` then: 1 reverts, 2 burns all gas, 3 moves nothing and says
/// false, 4 moves nothing and says true, 5 moves and answers at length, 6 makes a call first, 7 moves and answers short,
/// 8 moves and answers two, 9 reverts at length. `balanceOf`: 10 burns all gas, 11 reverts.
contract Sabotage {
    uint256 public totalSupply;
    uint8 public constant decimals = 6;
    mapping(address => uint256) private held;
    mapping(address => uint256) public mode;
    address private target;
    bytes private call_;
    bool public reentered;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value, uint256 mode_) external {
        (held[to], mode[to], totalSupply) = (held[to] + value, mode_, totalSupply + value);
        emit Transfer(address(0), to, value);
    }

    /// What mode 6 calls.
    function aim(address target_, bytes calldata data) external {
        (target, call_) = (target_, data);
    }

    function balanceOf(address who) external view returns (uint256) {
        if (mode[who] == 10) assembly { invalid() }
        if (mode[who] == 11) revert("no balance");
        return held[who];
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _moved(msg.sender, to, value, mode[msg.sender]);
    }

    /// As whoever it goes to says; nobody needs an allowance.
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        return _moved(from, to, value, mode[to]);
    }

    function _moved(address from, address to, uint256 value, uint256 m) private returns (bool) {
        if (m == 1) revert("blacklisted");
        if (m == 2) assembly { invalid() }
        if (m == 3) return false;
        if (m == 4) return true;
        if (m == 6) {
            (bool ok,) = target.call(call_);
            reentered = reentered || ok;
        }
        if (m == 9) assembly { revert(0, 20000) }
        held[from] -= value;
        held[to] += value;
        emit Transfer(from, to, value);
        if (m == 5) assembly { mstore(0, 1) return(0, 20000) }
        if (m == 7) assembly { mstore(0, 1) return(0, 16) }
        if (m == 8) assembly { mstore(0, 2) return(0, 32) }
        return true;
    }
}

/// Takes the coin as its mode says: 1 refuses, 2 burns all gas, 3 answers at length, 4 makes a call first, 5 refuses at
/// length, 6 gives all of it on at once.
contract Recipient {
    uint256 public mode;
    address private target;
    bytes private call_;
    bool public reentered;

    constructor(uint256 mode_) {
        mode = mode_;
    }

    /// What mode 4 calls, and whom mode 6 gives to.
    function aim(address target_, bytes calldata data) external {
        (target, call_) = (target_, data);
    }

    /// Forces coin on somebody who takes none.
    function force(address payable to) external payable {
        selfdestruct(to);
    }

    receive() external payable {
        uint256 m = mode;
        if (m == 1) revert("no");
        if (m == 2) assembly { invalid() }
        if (m == 3) assembly { return(0, 20000) }
        if (m == 4) {
            (bool ok,) = target.call(call_);
            reentered = reentered || ok;
        }
        if (m == 5) assembly { revert(0, 20000) }
        if (m == 6) {
            (bool ok,) = target.call{value: msg.value}("");
            require(ok);
        }
    }
}
