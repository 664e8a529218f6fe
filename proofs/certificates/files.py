"""A folder of certificates: for each query the whole of it, what of it is enough, and the proof; and the index.

What an independent checker (Ethos, with the rules of CPC that come with cvc5) has to be given is all there. Here is
checked what no checker of proofs can know: that the files are those of the index, that what is enough is a part of the
whole, and that the proof assumes nothing else.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from psci.model.errors import InputError
from psci.proofs.certificates.proof import read
from psci.proofs.certificates.terms import SharedTerms, parse
from psci.proofs.encoding.queries import CVC5_STRATEGIES, Query, SolverVerdict

INDEX = "index.json"
PROOF_OPTIONS: Mapping[str, str] = {
    "produce-proofs": "true", "proof-format-mode": "cpc", "proof-granularity": "dsl-rewrite",
    "proof-print-reference": "true",
}  # fmt: skip
HOW_TO_BUILD = (
    "Ethos comes as source: build it from github.com/cvc5/ethos (CMake, GMP), take proofs/eo/cpc of the cvc5 "
    "source of the version in the index, and give both: --ethos PATH --cpc FOLDER"
)


@dataclass(frozen=True)
class Certificate:
    """One query and its proof."""

    query: str
    """The property and the rule, or whatever the step is about."""
    cores: str
    whole: str
    """The digest (SHA-256) of the query as it was asked."""
    reduced: str
    """That of what is enough for the proof."""
    proof: str
    """That of the proof; empty where cvc5 found none."""
    bytes: int = 0
    """The size of the proof."""
    steps: int = 0
    trusted: int = 0

    @property
    def stem(self) -> str:
        """The name of its files."""
        return f"{self.query.replace(' ', '.').replace(':', '')}.{self.cores}.{self.whole[:8]}"


@dataclass(frozen=True)
class Checked:
    """What came of a certificate."""

    query: str
    fault: str = ""
    """Why it is not accepted; empty where it is."""
    independent: bool = False
    """A checker that is not of this project accepted the proof."""


def write(folder: Path, cores: str, query: Query, core: Collection[str]) -> SolverVerdict:
    """Write the certificate of a query that was proved from the facts of these names; what cvc5 says of it."""
    whole, reduced = query.smtlib(), query.only(core).smtlib()
    proof = prove(reduced)
    found = read(proof, SharedTerms()) if proof else None
    certificate = Certificate(
        query.name, cores, digest(whole), digest(reduced), digest(proof) if proof else "", len(proof),
        found.steps if found else 0, found.trusted if found else 0,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{certificate.stem}.whole.smt2").write_text(whole, encoding="utf-8")
    (folder / f"{certificate.stem}.smt2").write_text(reduced, encoding="utf-8")
    if proof:
        (folder / f"{certificate.stem}.cpc").write_text(proof, encoding="utf-8")
    (folder / f"{certificate.stem}.json").write_text(json.dumps(asdict(certificate)), encoding="utf-8")
    return SolverVerdict.PROVED if proof else SolverVerdict.UNKNOWN


def prove(text: str) -> str:
    """The proof that cvc5 has for a query in SMT-LIB 2; empty where it has none."""
    import cvc5

    for rlimit, strategy in CVC5_STRATEGIES:
        solver = cvc5.Solver(cvc5.TermManager())
        # with a proof to write down a query takes more
        for option, value in {**PROOF_OPTIONS, **strategy, "rlimit": str(4 * rlimit)}.items():
            solver.setOption(option, value)
        parser = cvc5.InputParser(solver)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "query")
        symbols, said = parser.getSymbolManager(), ""
        while not (command := parser.nextCommand()).isNull():
            said += command.invoke(solver, symbols)
        if said.split()[-1:] == ["unsat"]:
            proof = solver.proofToString(solver.getProof()[0], cvc5.ProofFormat.CPC)
            return proof.decode() if isinstance(proof, bytes) else str(proof)
    return ""


def digest(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def collect(folder: Path, solvers: Mapping[str, str]) -> list[Certificate]:
    """Write the index of a folder: every certificate that is there, and the solvers."""
    found = [
        Certificate(**json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.json"))
        if path.name != INDEX
    ]
    document = {"solvers": dict(solvers), "certificates": [asdict(certificate) for certificate in found]}
    (folder / INDEX).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return found


def index(folder: Path) -> list[Certificate]:
    """The certificates of a folder.

    Raises:
        InputError: it has no index, or one that is not ours.
    """
    path = folder / INDEX
    if not path.exists():
        raise InputError(f"{path}: there is no index: psci prove --certificates {folder} writes one")
    try:
        return [Certificate(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["certificates"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no index of certificates ({error})") from None


def check(folder: Path, ethos: Path | None = None, cpc: Path | None = None) -> Iterator[Checked]:
    """Check every certificate of a folder, with Ethos too where it is given.

    Args:
        folder: where they are.
        ethos: the program.
        cpc: the folder of the rules of CPC (`proofs/eo/cpc` of cvc5's source).
    """
    for certificate in index(folder):
        fault = fault_of(folder, certificate)
        if fault or ethos is None:
            yield Checked(certificate.query, fault)
        else:
            said = _ask_ethos(ethos, cpc, folder, certificate)
            yield Checked(certificate.query, said, independent=not said)


def left_out(folder: Path, asked: Iterable[tuple[str, str]]) -> list[str]:
    """The queries without a certificate, of those that were asked anew: the name and the digest of each."""
    there = {(certificate.query, certificate.whole) for certificate in index(folder)}
    return [name for name, whole in asked if (name, whole) not in there]


def fault_of(folder: Path, certificate: Certificate) -> str:
    """What is wrong with a certificate, as far as that can be seen without a checker of proofs."""
    if not certificate.proof:
        return "cvc5 found no proof"
    wanted = {".whole.smt2": certificate.whole, ".smt2": certificate.reduced, ".cpc": certificate.proof}
    texts = {}
    for ending, expected in wanted.items():
        path = folder / f"{certificate.stem}{ending}"
        if not path.exists():
            return f"{path.name} is missing"
        texts[ending] = path.read_text(encoding="utf-8")
        if digest(texts[ending]) != expected:
            return f"{path.name} is not the file of the index"
    return unfounded(texts[".whole.smt2"], texts[".smt2"], texts[".cpc"])


def unfounded(whole: str, reduced: str, proof: str) -> str:
    """Why a proof is none of a query; empty where it assumes only what the query asserts."""
    terms = SharedTerms()
    try:
        asked, enough, found = asserted(whole, terms), asserted(reduced, terms), read(proof, terms)
    except (ValueError, IndexError, KeyError) as error:
        return f"it cannot be read ({error})"
    if not enough <= asked:
        return "the reduced query asserts what the whole one does not"
    if found.fault:
        return found.fault
    if found.trusted:
        return f"{found.trusted} of its steps are not justified"
    strange = [term for term in found.assumed if term not in enough]
    return f"it assumes {len(strange)} formulas that the query does not assert" if strange else ""


def asserted(text: str, terms: SharedTerms) -> set[int]:
    """What a query asserts, as trees; of a conjunction also its parts, because a smaller query has fewer of them."""
    return {terms.read(command[1], {}) for command in parse(text) if command[0] == "assert"}


def _ask_ethos(ethos: Path, cpc: Path | None, folder: Path, certificate: Certificate) -> str:
    """Why Ethos does not accept a proof; empty where it does."""
    reference = (folder / f"{certificate.stem}.smt2").resolve()
    proof = (folder / f"{certificate.stem}.cpc").read_text(encoding="utf-8").strip()
    signatures = () if cpc is None else (cpc.resolve() / "Cpc.eo", cpc.resolve() / "expert" / "CpcExpert.eo")
    rules = "".join(f'(include "{path}")\n' for path in signatures)
    # the reference makes Ethos refuse an assumption that the query does not assert: without it any would do
    text = f'{rules}(reference "{reference}")\n{proof[1:-1]}\n'
    done = subprocess.run([str(ethos)], input=text, capture_output=True, text=True, check=False, timeout=600)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    return "" if done.returncode == 0 and last == "correct" else (done.stderr.strip() or last or "no answer")[:200]


__all__ = [
    "HOW_TO_BUILD", "INDEX", "Certificate", "Checked", "check", "collect", "digest", "index", "left_out", "prove",
    "write",
]  # fmt: skip
