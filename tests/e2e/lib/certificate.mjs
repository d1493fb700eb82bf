// A key and a certificate for 127.0.0.1 that signs itself, and a gateway that trusts it.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { preload } from './preload.mjs';

export function makeCertificate(dir) {
    const keyFile = path.join(dir, 'privkey.pem');
    const caFile = path.join(dir, 'fullchain.pem');
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', '/CN=gateway.test', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', keyFile, '-out', caFile, '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...names, ...files], { stdio: 'pipe' });
    return { keyFile, caFile };
}

const { library, why } = preload('trust', { withSanitizer: true });

/** Why no gateway can be made to trust a certificate of a test; false when it can. */
export const noTrust = why;

/** The environment of a gateway for which the machine's certificates are those of `caFile`. */
export function trust(caFile) {
    return {
        LD_PRELOAD: library,
        TRUST: caFile,
        ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:verify_asan_link_order=0',
    };
}
