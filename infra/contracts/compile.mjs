// Compiles the Solidity sources beside this file: `node compile.mjs [--check] [folder that holds node_modules/solc]`.
// The probes, Sweep and Payout are what the gateway ships; the rest serves the local stack and the tests. `--check` compares and writes
// nothing.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOLC = '0.8.37'
const here = dirname(fileURLToPath(import.meta.url))
const shipped = resolve(here, '../../layers/core/ctrip/contracts')
const kept = join(here, 'artefacts')
// Probe must run on every chain, also on those without PUSH0.
const GROUPS = [
  { sources: ['Probe.sol'], evmVersion: 'paris', out: shipped },
  // Each operation counts there, so it is written in the compiler's own assembly.
  { sources: ['TronProbe.yul'], evmVersion: 'paris', out: shipped, language: 'Yul' },
  // Only where EIP-7702 is: later than PUSH0.
  { sources: ['Sweep.sol'], evmVersion: 'cancun', out: shipped, compared: true },
  // As the probe, on every chain.
  { sources: ['Payout.sol'], evmVersion: 'paris', out: shipped, compared: true },
  { sources: ['TestTokens.sol', 'MockFeeds.sol', 'Forwarder.sol', 'Multicall3.sol', 'TronTokens.sol'], evmVersion: 'cancun', out: kept },
]

function fail(line) {
  console.error(line)
  process.exit(1)
}

function findSolc(folder) {
  const places = [folder, ...(process.env.NODE_PATH ?? '').split(':'), here].filter(Boolean)
  for (const place of places) {
    for (const base of [join(place, 'package.json'), join(place, '..', 'package.json')]) {
      try {
        return createRequire(resolve(base))('solc')
      } catch {
        // not here; the next place may have it
      }
    }
  }
  fail(`solc ${SOLC} was not found: npm install --no-save solc@${SOLC}, then pass its folder or set NODE_PATH`)
}

function compile(solc, { sources, evmVersion, language = 'Solidity' }) {
  const solidity = language === 'Solidity'
  const input = {
    language,
    sources: Object.fromEntries(sources.map((name) => [name, { content: readFileSync(join(here, name), 'utf8') }])),
    settings: {
      evmVersion,
      optimizer: { enabled: true, runs: 1000000 },
      ...(solidity && { metadata: { bytecodeHash: 'none', appendCBOR: false } }),
      outputSelection: solidity
        ? { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode'], '': ['ast'] } }
        : { '*': { '*': ['evm.bytecode.object'] } },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input)))
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error')
  if (errors.length) fail(errors.map((error) => error.formattedMessage).join('\n'))
  const names = variables(Object.values(output.sources ?? {}).map((source) => source.ast ?? null))
  return Object.values(output.contracts)
    .flatMap((contracts) => Object.entries(contracts))
    .map(([name, contract]) => [name, { ...contract, immutables: immutables(contract, names) }])
}

// The names of all variables by their number in the syntax tree.
function variables(node, names = {}) {
  if (node === null || typeof node !== 'object') return names
  if (node.nodeType === 'VariableDeclaration') names[node.id] = node.name
  for (const child of Object.values(node)) variables(child, names)
  return names
}

// Where each immutable stands in the code that is deployed: offsets of words, by name.
function immutables(contract, names) {
  const references = Object.entries(contract.evm.deployedBytecode?.immutableReferences ?? {})
  return Object.fromEntries(references.map(([id, places]) => [names[id], places.map((place) => place.start)]))
}

const check = process.argv.includes('--check')
const solc = findSolc(process.argv.slice(2).find((argument) => !argument.startsWith('--')))
if (!solc.version().startsWith(SOLC)) fail(`solc is ${solc.version()}, the artefacts are made with ${SOLC}`)
let drifted = false
for (const group of GROUPS) {
  mkdirSync(group.out, { recursive: true })
  const wanted = new Map()
  for (const [name, contract] of compile(solc, group)) {
    if (!contract.evm.bytecode.object) continue
    const artefact = { contract: name, solc: SOLC, abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` }
    // Put at their addresses, where nobody can deploy them.
    if (['Multicall3', 'TronUSDT', 'TronSplitter'].includes(name)) artefact.runtime = `0x${contract.evm.deployedBytecode.object}`
    // Compared with what stands on a chain before money is moved through it.
    if (group.compared) {
      artefact.runtime = `0x${contract.evm.deployedBytecode.object}`
      artefact.immutables = contract.immutables
    }
    wanted.set(`${name}.json`, `${JSON.stringify(artefact)}\n`)
  }
  for (const [file, text] of wanted) {
    const path = join(group.out, file)
    if (check && (!existsSync(path) || readFileSync(path, 'utf8') !== text)) {
      drifted = true
      console.error(`${relative(process.cwd(), path)} differs from its source`)
    }
    if (!check) writeFileSync(path, text)
  }
  for (const file of readdirSync(group.out).filter((name) => name.endsWith('.json') && !wanted.has(name))) {
    if (group.out !== kept) continue // other sources may ship artefacts beside the probe
    drifted = true
    console.error(`${file} has no source`)
  }
}
if (check && drifted) process.exit(1)
