import { readCertificates, type SecretPlace, type SecretState, writeCertificates } from './certificates-secret';
import { Material } from './material';

/** Writes that may collide with another pod's before it is given up. */
const WRITE_ROUNDS = 5;

/**
 * Keys and certificates of Secret NAME-certs, completed; what was made is stored before this returns. Several pods may do
 * so at once: who comes second takes what the first one made.
 *
 * @param complete makes what is missing and renews what is due; it may be called again, with what is stored by then
 * @param first a state of the Secret that was read already
 * @throws MaterialError for what cannot be used, Error when others write all the time, ApiError when the host refuses
 */
export async function keptMaterial(
  place: SecretPlace,
  complete: (material: Material) => Promise<void> | void,
  first?: SecretState,
): Promise<Material> {
  let state = first ?? (await readCertificates(place));
  for (let round = 1; ; round++) {
    const material = new Material(state.values);
    await complete(material);
    if (material.changes.size === 0 || (await writeCertificates(place, state, material.changes))) return material;
    if (round === WRITE_ROUNDS) {
      throw new Error(
        `Secret ${place.clusterName}-certs in namespace ${place.namespace} was changed by somebody else ${WRITE_ROUNDS} times ` +
          `while it was being completed; find out who writes it`,
      );
    }
    state = await readCertificates(place);
  }
}
