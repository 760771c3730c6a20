"""The printed QR: read back off the made files by another decoder, and nothing on it leaves its place."""

import io
import re
import unicodedata
import zlib
from pathlib import Path

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image, ImageChops

from agent.__main__ import cli
from agent.errors import PersonMustAct
from agent.language import language
from agent.rating.phone.sticker import mark_of
from agent.screen.code.print import pdf, save
from agent.screen.code.qr import matrix
from agent.screen.code.sheet import wrapped
from agent.screen.code.sticker import DPI, PAPERS, Sticker, code_on, draw

ADDRESS = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/" + mark_of("na-0123")
LONGEST = "Bộ phận Tiếp nhận và Trả kết quả giải quyết thủ tục hành chính Công an xã Mường Quàng Ẳng Đỏ"
VI, EN = language("vi"), language("en")


def sticker(
    unit: str = LONGEST, number: int = 88, *, hotlines: tuple[str, ...] = ("0238 3841 000", "069 2900 000")
) -> Sticker:
    return Sticker(ADDRESS, unit, number, hotlines, VI, EN)


def read(image: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]


def picture_in(file: bytes) -> Image.Image:
    """The picture of a PDF, taken out of it by hand; the places in its table are checked on the way."""
    start = int(re.findall(rb"startxref\n(\d+)\n", file)[-1])
    table = file[start:].split(b"trailer")[0].split(b"\n")[3:-1]
    for number, line in enumerate(table, start=1):
        assert file[int(line[:10]) :].startswith(b"%d 0 obj" % number)
    head, size = re.search(rb"/Subtype /Image (.*?) /Length (\d+) >>\nstream\n", file, re.DOTALL).groups()  # type: ignore[union-attr]
    at = file.index(b"/Subtype /Image")
    begin = file.index(b"stream\n", at) + 7
    pixels = zlib.decompress(file[begin : begin + int(size)])
    width, height = (int(re.search(rb"/%b (\d+)" % name, head)[1]) for name in (b"Width", b"Height"))  # type: ignore[index]
    image = Image.frombytes("P", (width, height), pixels)
    image.putpalette(bytes.fromhex(re.search(rb"<([0-9a-f]+)>", head)[1].decode()))  # type: ignore[index]
    return image


@pytest.mark.parametrize("paper", PAPERS)
def test_a_sticker_of_any_size_is_read_by_a_phone_and_is_small_to_send(paper: str, tmp_path: Path) -> None:
    save(draw(sticker(), paper), tmp_path / "sticker.pdf", title="Tờ dán")
    file = (tmp_path / "sticker.pdf").read_bytes()
    assert read(picture_in(file).convert("L").reduce(3)) == [ADDRESS]
    assert len(file) < 250_000
    across, up = map(float, re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", file).groups())  # type: ignore[union-attr]
    assert [round(points / 72 * 25.4) for points in (across, up)] == list(PAPERS[paper])


def test_a_picture_of_it_is_the_same_dot_by_dot_and_knows_its_size(tmp_path: Path) -> None:
    image = draw(sticker(), "A6")
    save(image, tmp_path / "sticker.png", title="")
    with Image.open(tmp_path / "sticker.png") as png:
        assert read(png) == [ADDRESS]
        assert [round(dots / png.info["dpi"][0] * 25.4) for dots in png.size] == list(PAPERS["A6"])
        assert picture_in(pdf(image, title="")).convert("RGB").tobytes() == png.convert("RGB").tobytes()


def test_a_photograph_of_it_from_afar_is_read_too() -> None:
    """As many pixels a module as the rule of legibility grants a phone: three."""
    image = draw(sticker(), "A6").convert("L")
    module_px = code_on(ADDRESS, "A6").module_mm / 25.4 * DPI
    shrunk = image.resize(
        (round(image.width * 3 / module_px), round(image.height * 3 / module_px)), Image.Resampling.BICUBIC
    )
    assert read(shrunk.rotate(4, expand=True, fillcolor=255)) == [ADDRESS]


@pytest.mark.parametrize("unit", ["", "Công an xã Kim Liên", LONGEST, "X" * 200, "Ẳ " * 100])
def test_whatever_the_unit_is_called_the_edge_and_the_quiet_zone_stay_white(unit: str) -> None:
    image = draw(sticker(unit, hotlines=("0238 3841 000",) * 5), "A6").convert("RGB")
    width, height = image.size
    unit_px = width / 210
    page = [round(each * unit_px) for each in (20, 285.8, 190, 287)]
    assert image.crop((page[0], page[1], page[2], page[3])).getextrema() == ((10, 10), (42, 42), (94, 94)), (
        "nothing hangs out"
    )
    edge = round(7 * unit_px)
    for strip in (
        (0, 0, width, edge),
        (0, height - edge, width, height),
        (0, 0, edge, height),
        (width - edge, 0, width, height),
    ):
        assert image.crop(strip).getextrema() == ((255, 255),) * 3
    module, rows = round(code_on(ADDRESS, "A6").module_mm / 25.4 * DPI), len(matrix(ADDRESS))
    left, top = (width - module * rows) // 2, round(143.5 * unit_px) - module * rows // 2
    code = (
        image.crop((left, top, left + module * rows, top + module * rows))
        .convert("L")
        .resize((rows, rows), Image.Resampling.BOX)
    )
    assert [[code.getpixel((x, y)) == 0 for x in range(rows)] for y in range(rows)] == matrix(ADDRESS)
    assert all(code.getpixel((x, y)) in {0, 255} for x in range(rows) for y in range(rows))
    assert read(image) == [ADDRESS]


def test_letters_of_either_form_make_the_same_sticker() -> None:
    drawn = [draw(sticker(unicodedata.normalize(form, LONGEST)), "A6").convert("RGB") for form in ("NFC", "NFD")]
    assert ImageChops.difference(*drawn).getbbox() is None


def test_lines_are_as_even_as_they_can_be_and_a_word_that_is_too_long_is_broken() -> None:
    def fits(line: str) -> bool:
        return len(line) <= 10

    assert wrapped("một hai ba bốn năm", fits) == ["một hai ba", "bốn năm"]
    assert wrapped("aaa bbb ccc d", fits) == ["aaa bbb", "ccc d"]
    assert wrapped("x" * 25, fits) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrapped("", fits) == []


def test_the_largest_is_read_from_three_feet_and_the_smallest_from_an_arms_length() -> None:
    assert [round(code_on(ADDRESS, paper).reach_m, 2) for paper in ("A4", "A5", "A6")] == [0.96, 0.66, 0.47]


def test_a_title_of_any_letters_stands_in_the_pdf() -> None:
    file = pdf(draw(sticker(), "A6"), title="Quầy số 1 (dán)")
    assert b"<feff" + "Quầy số 1 (dán)".encode("utf-16-be").hex().encode() + b">" in file


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PersonMustAct, match=r"\.pdf"):
        save(Image.new("P", (1, 1)), tmp_path / "sticker.docx", title="")
    with pytest.raises(PersonMustAct, match="nowhere"):
        save(Image.new("P", (1, 1)), tmp_path / "nowhere" / "sticker.png", title="")


class TestCommand:
    """`counter-agent sticker`."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(
            'counter: {province: "40", agent: na-0123, name: Công an xã Kim Liên, language: en}\n'
            "uplink: {broker: mqtts://mqtt.nghean.example}\n"
            "qr: {mode: portal, url: HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/, secret_file: /etc/counter-agent/qr.key}\n",
            encoding="utf-8",
        )
        return path

    def test_it_makes_the_file_and_says_plainly_what_its_ratings_are_worth(self, config: Path, tmp_path: Path) -> None:
        out = tmp_path / "counter.png"
        answer = CliRunner().invoke(cli, ["sticker", "-c", str(config), "--paper", "a6", "--out", str(out)])
        assert answer.exit_code == 0, answer.output
        assert ADDRESS in answer.output
        assert "can be scanned from 0.46 m" in answer.output
        assert "never part of the index" in answer.output
        assert read(Image.open(io.BytesIO(out.read_bytes()))) == [ADDRESS]

    def test_a_code_that_could_not_be_scanned_from_there_is_refused_with_the_numbers(self, config: Path) -> None:
        answer = CliRunner().invoke(cli, ["sticker", "-c", str(config), "--paper", "A5", "--distance", "1.2"])
        assert isinstance(answer.exception, PersonMustAct)
        assert str(answer.exception) == (
            "on A5 a phone cannot read the code from 1.2 m: it is 66 mm wide with modules of 2.3 mm; needed are 120 mm "
            "and modules of 4.1 mm. It can be read from 0.66 m: take larger paper, shorten qr.url, or put it nearer"
        )

    def test_a_counter_without_a_code_has_no_sticker(self, config: Path) -> None:
        config.write_text(config.read_text(encoding="utf-8").partition("qr:")[0], encoding="utf-8")
        answer = CliRunner().invoke(cli, ["sticker", "-c", str(config)])
        assert isinstance(answer.exception, PersonMustAct)
        assert "has no section qr" in str(answer.exception)
