// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// What stands on the Tron stand-in: a token with the oddities of Tether's on Tron, and a contract that sends coins on.
// Neither has a constructor, as both are put at their addresses and not deployed. Never deployed for real.

/// 6 decimals. `transfer` answers false though it succeeds; `transferFrom` and `approve` answer true.
contract TronUSDT {
    string public constant name = "Tether USD";
    string public constant symbol = "USDT";
    uint8 public constant decimals = 6;

    uint256 public totalSupply;
    address public owner;
    bool public paused;
    uint256 public basisPointsRate;
    uint256 public maximumFee;
    mapping(address => uint256) private balances;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public isBlackListed;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event Issue(uint256 amount);
    event AddedBlackList(address indexed user);
    event RemovedBlackList(address indexed user);
    event DestroyedBlackFunds(address indexed user, uint256 balance);

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    modifier whenNotPaused() {
        require(!paused);
        _;
    }

    function begin(address owner_, uint256 supply) external {
        require(owner == address(0));
        owner = owner_;
        totalSupply = supply;
        balances[owner_] = supply;
    }

    function balanceOf(address who) external view returns (uint256) {
        return balances[who];
    }

    function transfer(address to, uint256 value) external whenNotPaused returns (bool) {
        require(!isBlackListed[msg.sender]);
        _move(msg.sender, to, value);
        return false;
    }

    function transferFrom(address from, address to, uint256 value) external whenNotPaused returns (bool) {
        require(!isBlackListed[from]);
        allowance[from][msg.sender] -= value;
        _move(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external whenNotPaused returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function issue(uint256 amount) external onlyOwner {
        totalSupply += amount;
        balances[owner] += amount;
        emit Issue(amount);
    }

    function pause() external onlyOwner {
        paused = true;
    }

    function unpause() external onlyOwner {
        paused = false;
    }

    function setParams(uint256 basisPoints, uint256 most) external onlyOwner {
        require(basisPoints < 20 && most < 50);
        basisPointsRate = basisPoints;
        maximumFee = most * 10 ** decimals;
    }

    function addBlackList(address who) external onlyOwner {
        isBlackListed[who] = true;
        emit AddedBlackList(who);
    }

    function removeBlackList(address who) external onlyOwner {
        isBlackListed[who] = false;
        emit RemovedBlackList(who);
    }

    /// Takes what a blacklisted holder has, and logs no Transfer.
    function destroyBlackFunds(address who) external onlyOwner {
        require(isBlackListed[who]);
        uint256 gone = balances[who];
        balances[who] = 0;
        totalSupply -= gone;
        emit DestroyedBlackFunds(who, gone);
    }

    function _move(address from, address to, uint256 value) private {
        uint256 fee = value * basisPointsRate / 10000;
        if (fee > maximumFee) fee = maximumFee;
        balances[from] -= value;
        balances[to] += value - fee;
        emit Transfer(from, to, value - fee);
        if (fee > 0) {
            balances[owner] += fee;
            emit Transfer(from, owner, fee);
        }
    }
}

/// Sends coins on, as exchanges' contracts do.
contract TronSplitter {
    event Sent(address to, bool done);

    /// The same to each; all or nothing.
    function split(address payable[] calldata to) external payable {
        for (uint256 i; i < to.length; ++i) {
            (bool done,) = to[i].call{value: msg.value / to.length}("");
            require(done, "not sent");
        }
    }

    /// Sends to one that may refuse: the coins stay here then, and the transaction succeeds.
    function attempt(address payable to) external payable {
        (bool done,) = to.call{value: msg.value}("");
        emit Sent(to, done);
    }

    /// Sends, and then fails as a whole.
    function fail(address payable to) external payable {
        (bool done,) = to.call{value: msg.value}("");
        require(done, "not sent");
        revert("everything is undone");
    }
}
