"""Two QR decoders, which read what is on the screen as a phone would, and not what was meant."""

from __future__ import annotations

import sys
from base64 import b64encode
from functools import cache

from playwright.sync_api import Browser

from infra.tools import npm
from infra.tools.process import ROOT

DECODE = """
async (source) => {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const at = canvas.getContext("2d");
  at.drawImage(picture, 0, 0);
  const held = at.getImageData(0, 0, canvas.width, canvas.height);
  const first = jsQR(held.data, held.width, held.height, { inversionAttempts: "dontInvert" });
  const grey = new Uint8ClampedArray(held.width * held.height);
  for (let n = 0; n < grey.length; n++) {
    const [red, green, blue] = held.data.subarray(4 * n, 4 * n + 3);
    grey[n] = (red + 2 * green + blue) / 4;
  }
  const source2 = new ZXing.RGBLuminanceSource(grey, held.width, held.height);
  const second = new ZXing.QRCodeReader().decode(new ZXing.BinaryBitmap(new ZXing.HybridBinarizer(source2)));
  return [first && first.data, second.getText()];
}
"""


@cache
def _scripts() -> tuple[str, ...]:
    return tuple(path.read_text() for path in npm.decoders(ROOT / ".tools", lambda line: print(line, file=sys.stderr)))


def decoded(browser: Browser, picture: bytes) -> list[str | None]:
    """Return what each of the two decoders reads in a PNG."""
    with browser.new_context() as context:
        page = context.new_page()
        for script in _scripts():
            page.add_script_tag(content=script)
        found: list[str | None] = page.evaluate(DECODE, f"data:image/png;base64,{b64encode(picture).decode()}")
        return found
