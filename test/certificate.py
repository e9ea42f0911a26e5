"""Certificates for servers of tests: self-signed, made by openssl."""
import shutil
import subprocess
import unittest


def certificate(folder, name="server", host="127.0.0.1"):
    """FOLDER/NAME.crt and FOLDER/NAME.key."""
    if not shutil.which("openssl"):
        raise unittest.SkipTest("no openssl; dev/deps installs it")
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName={'IP:127.0.0.1,' * (host == '127.0.0.1')}DNS:{host}",
         "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True)
    paths[1].chmod(0o600)
    return paths
