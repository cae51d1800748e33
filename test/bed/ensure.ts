import { ensureArtefact, isArtefactName } from "./make.ts";
import { AppError } from "../../src/base/errors.ts";

for (const name of process.argv.slice(2)) {
  if (!isArtefactName(name)) throw new AppError("BED_ARTEFACT", `there is no artefact named ${name}`);
  ensureArtefact(name);
}
