"""Small PDF documents, written by hand."""


def pdf(*sizes: tuple[float, float], turned: int = 0) -> bytes:
    """A document with a page of each of *sizes* (points), each with a red square in its lower left corner."""
    pages = range(len(sizes))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(sizes)} /Kids [{' '.join(f'{3 + 2 * page} 0 R' for page in pages)}] >>",
    ]
    square = "1 0 0 rg 0 0 50 50 re f"
    for number, (width, height) in enumerate(sizes):
        box, drawing = f"[0 0 {width} {height}]", f"{4 + 2 * number} 0 R"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Rotate {turned} /Contents {drawing} >>",
            f"<< /Length {len(square)} >>\nstream\n{square}\nendstream",
        ]
    body, starts = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        starts.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    end += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + end.encode()
