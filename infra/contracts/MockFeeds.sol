// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Stands in for one of Chainlink's price feeds on the local chain: whoever asks sets its answer.
contract MockAggregator {
    string public description;
    uint8 public immutable decimals;
    uint80 internal round;
    int256 internal answer;
    uint256 internal startedAt;
    uint256 internal updatedAt;

    constructor(string memory description_, uint8 decimals_, int256 answer_) {
        description = description_;
        decimals = decimals_;
        set(answer_, block.timestamp, block.timestamp);
    }

    /// Begins a round; a time in the past makes a feed that stalls.
    function set(int256 answer_, uint256 startedAt_, uint256 updatedAt_) public {
        (answer, startedAt, updatedAt) = (answer_, startedAt_, updatedAt_);
        ++round;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (round, answer, startedAt, updatedAt, round);
    }
}

/// Deploys them all in one transaction: their addresses follow from this contract's.
contract MockFeeds {
    constructor(string[] memory descriptions, int256[] memory answers) {
        for (uint256 i = 0; i < descriptions.length; ++i) {
            new MockAggregator(descriptions[i], 8, answers[i]);
        }
    }
}
