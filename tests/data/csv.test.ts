import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Column, csv, parseCsv } from "../../src/data/index.js";
import { ArgumentError, DataError } from "../../src/errors.js";

const names = (columns: readonly Column[]) => columns.map((column) => column.name);
const kinds = (columns: readonly Column[]) => columns.map((column) => column.kind);
const values = (column: Column) => Array.from(column.values as ArrayLike<unknown>);

describe("columns", () => {
  test("are numeric when all that is there is a number, otherwise categorical", () => {
    const table = parseCsv(
      "size,colour,mixed,sparse\n1.5,red,1,\n-2e3,blue,x,4\n.5,red,2,NA\n+7.,?,3,null\n",
    );
    expect(names(table.columns)).toEqual(["size", "colour", "mixed", "sparse"]);
    expect(kinds(table.columns)).toEqual(["numeric", "categorical", "categorical", "numeric"]);
    expect(values(table.column("size"))).toEqual([1.5, -2000, 0.5, 7]);
    expect(values(table.column("colour"))).toEqual(["red", "blue", "red", null]);
    expect(values(table.column("mixed"))).toEqual(["1", "x", "2", "3"]);
    expect(values(table.column("sparse"))).toEqual([Number.NaN, 4, Number.NaN, Number.NaN]);
    expect(table.length).toBe(4);
  });

  test("hexadecimal, dates and blanks inside are no numbers", () => {
    const table = parseCsv("a,b,c,d\n0x10,2020-01-02,1 2,1_000\n0x11,2020-01-03,1 3,2_000\n");
    expect(kinds(table.columns)).toEqual(Array(4).fill("categorical"));
  });

  test("missing values may be named", () => {
    const table = parseCsv("a,b\n-1,NA\n2,x\n", { missing: ["-1"] });
    expect(values(table.column("a"))).toEqual([Number.NaN, 2]);
    expect(values(table.column("b"))).toEqual(["NA", "x"]);
  });

  test("quotes, separators inside, line breaks, blanks, CRLF, byte order mark", () => {
    const table = parseCsv('\ufeff"name, full" , n\r\n"O""Hara\r\nTara", 1\r\n\r\nSmith ,2\r\n');
    expect(names(table.columns)).toEqual(["name, full", "n"]);
    expect(values(table.column("name, full"))).toEqual(['O"Hara\nTara', "Smith"]);
    expect(values(table.column("n"))).toEqual([1, 2]);
    expect(Array.from(table.lines!)).toEqual([3, 5]);
  });

  test.each([",", ";", "\t", "|"])("the separator %j is found", (separator) => {
    const table = parseCsv(`a${separator}"b,;|"\n1${separator}2\n`);
    expect(names(table.columns)).toEqual(["a", "b,;|"]);
    expect(values(table.columns[1]!)).toEqual([2]);
  });

  test("a separator may be given, columns may be ignored", () => {
    const table = parseCsv("a:b:c\n1:2:3\n", { separator: ":", ignore: ["b", -1] });
    expect(names(table.columns)).toEqual(["a"]);
    for (const separator of ["", "::", '"', "\n", 3]) {
      expect(() => parseCsv("a\n1\n", { separator: separator as string })).toThrow(
        /one character for separator/,
      );
    }
  });
});

describe("the header", () => {
  test.each<[string, string, string[]]>([
    ["names over numbers", "x,y\n1,2\n", ["x", "y"]],
    ["numbers only", "1,2\n3,4\n", ["c0", "c1"]],
    ["one number in the first line", "5.1,setosa\n4.9,setosa\n", ["c0", "c1"]],
    ["text only, names not repeated below", "colour,shape\nred,round\nblue,round\n", ["colour", "shape"]],
    ["text only, values repeated below", "red,round\nred,square\nblue,round\n", ["c0", "c1"]],
    ["one text twice over numbers", "x,x\n1,2\n", ["c0", "c1"]],
    ["a gap in the first line", "a,\n1,2\n", ["c0", "c1"]],
  ])("found out: %s", (_, text, expected) => {
    expect(names(parseCsv(text).columns)).toEqual(expected);
  });

  test("or said", () => {
    expect(names(parseCsv("1,2\n3,4\n", { header: true }).columns)).toEqual(["1", "2"]);
    const table = parseCsv("x,y\n1,2\n", { header: false });
    expect(names(table.columns)).toEqual(["c0", "c1"]);
    expect(table.length).toBe(2);
    expect(names(parseCsv("x,\n1,2\n", { header: true }).columns)).toEqual(["x", "c1"]);
    expect(() => parseCsv("x,x\n1,2\n", { header: true })).toThrow(
      /distinct column names .* line 1 but received "x" twice/,
    );
    expect(() => parseCsv("x\n1\n", { header: 1 as never })).toThrow(/true or false for header/);
  });
});

describe("the target", () => {
  const text = "a,b,kind,price\n1,2,x,0.5\n3,4,y,1.5\n5,6,x,2.5\n";
  test("by name or number; it is no feature", () => {
    for (const target of ["kind", 2, -2, "2", "-2"]) {
      const table = parseCsv(text, { target });
      expect(table.target!.name).toBe("kind");
      expect(names(table.features)).toEqual(["a", "b", "price"]);
    }
    expect(parseCsv(text).target).toBeUndefined();
    expect(parseCsv(text, { target: "kind", ignore: ["a"] }).target!.name).toBe("kind");
    expect(() => parseCsv(text, { target: "cost" })).toThrow(
      /a column \(a, b, kind, price\) .* for target but received "cost"/,
    );
    expect(() => parseCsv(text, { target: 4 })).toThrow(ArgumentError);
    expect(() => parseCsv(text, { target: -5 })).toThrow(ArgumentError);
    expect(() => parseCsv(text, { target: "a", ignore: [0] })).toThrow(/not ignored for target/);
  });

  test("decides between classification and regression", () => {
    const column = (cells: unknown[]) =>
      parseCsv(`y\n${cells.join("\n")}\n`, { target: "y", header: true }).task;
    expect(column(["x", "y", "x"])).toBe("classification");
    expect(column([0, 1, 1, 0])).toBe("classification");
    expect(column(Array.from({ length: 100 }, (_, i) => i % 20))).toBe("classification");
    expect(column(Array.from({ length: 95 }, (_, i) => i % 20))).toBe("regression");
    expect(column(Array.from({ length: 1000 }, (_, i) => i % 21))).toBe("regression");
    expect(column([0.5, 1, 0.5, 1])).toBe("regression");
    expect(parseCsv("y\n0\n1\n", { target: 0, task: "regression" }).task).toBe("regression");
  });

  test("must fit its task, and be there", () => {
    expect(() => parseCsv(text, { target: "kind", task: "regression" })).toThrow(
      /a number to regress on for column kind, line 2 but received "x"/,
    );
    expect(() => parseCsv(text, { target: "price", task: "classification" })).toThrow(
      /an integer class label for column price, line 2 but received 0\.5/,
    );
    const attempt = () => parseCsv("a,y\n1,x\n2,\n3,x\n", { target: "y" });
    expect(attempt).toThrow(/a target for column y, line 3 but received a missing value/);
    expect(attempt).toThrow(expect.objectContaining({ line: 3, row: 1, code: "ERR_NABLA_DATA" }));
    expect(() => parseCsv(text, { target: "a", task: "both" as never })).toThrow(ArgumentError);
  });
});

describe("bad files are refused with the line", () => {
  test.each<[string, string, RegExp, number]>([
    ["nothing", "", /at least one row of data for f, line 1 but received an empty file/, 1],
    ["blank lines", "\n\n", /an empty file/, 1],
    ["a header alone", "a,b\n", /line 2 but received only a header line/, 2],
    ["a short row", "a,b\n1,2\n3\n4,5\n", /2 values.* for f, line 3 but received 1/, 3],
    ["a long row", "a,b\n1,2\n\n3,4,5\n", /2 values.* for f, line 4 but received 3/, 4],
    ["a short row behind one of two lines", 'a,b\n"x\ny",2\n3\n', /for f, line 4 but received 1/, 4],
    ["an open quote", 'a,b\n1,"2\n', /well-formed CSV for f, line \d/, 2],
    ["text behind a quote", 'a,b\n1,"2"3\n', /well-formed CSV for f, line 2/, 2],
    ["an infinite number", "a\n1\ninf\n", /a finite number for column a, line 3 but received inf/, 3],
    ["a number too large", "a\n1\n-1e999\n", /a finite number for column a, line 3 but received -1e999/, 3],
  ])("%s", (_, text, message, line) => {
    expect(() => parseCsv(text, {}, "f")).toThrow(DataError);
    expect(() => parseCsv(text, {}, "f")).toThrow(message);
    expect(() => parseCsv(text, {}, "f")).toThrow(expect.objectContaining({ line }));
  });

  test("an unknown option", () => {
    expect(() => parseCsv("a\n1\n", { seperator: ";" } as object)).toThrow('did you mean "separator"?');
  });
});

describe("Table", () => {
  const table = parseCsv(
    `a,y\n${Array.from({ length: 20 }, (_, i) => `${i},${i % 4 === 0 ? "p" : "q"}`).join("\n")}\n`,
    { target: "y" },
  );
  test("subset and split keep rows whole, with their lines", () => {
    const part = table.subset([3, 0]);
    expect(values(part.column("a"))).toEqual([3, 0]);
    expect(values(part.target!)).toEqual(["q", "p"]);
    expect(Array.from(part.lines!)).toEqual([5, 2]);
    const [train, rest] = table.split(0.75, { seed: 2, stratify: true });
    expect(values(train.target!).filter((y) => y === "p").length).toBe(4);
    const all = [...values(train.column("a")), ...values(rest.column("a"))] as number[];
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (const each of [train, rest]) {
      values(each.column("a")).forEach((a, i) =>
        expect(each.target!.values[i]).toBe(Number(a) % 4 === 0 ? "p" : "q"),
      );
    }
  });

  test("the task stays what it was in every part", () => {
    const numbers = parseCsv(`y\n${Array.from({ length: 50 }, (_, i) => i % 10).join("\n")}\n`, {
      target: "y",
    });
    expect(numbers.task).toBe("classification");
    expect(numbers.subset([1, 2, 3]).task).toBe("classification");
  });

  test("errors on a value name its line or row", () => {
    expect(table.errorAt(table.column("a"), 4, "x").message).toBe(
      "Expected x for column a, line 6 but received 4",
    );
    expect(() => table.column("z")).toThrow(ArgumentError);
  });
});

test("csv reads a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nabla-csv-"));
  const path = join(folder, "x.csv");
  await writeFile(path, "a,b\n1,2\n");
  expect(names((await csv(path)).columns)).toEqual(["a", "b"]);
  await writeFile(path, "a,b\n1\n");
  await expect(csv(path)).rejects.toThrow(`${path}, line 2`);
  await rm(folder, { recursive: true });
});

const shared = join(import.meta.dirname, "../../../shared/data");
test.skipIf(!existsSync(shared))("real tables (skipped without ../shared/data)", async () => {
  const wine = await csv(join(shared, "winequality-white.csv"), { target: -1 });
  expect(wine).toMatchObject({ length: 4898, task: "classification" });
  expect(wine.columns.length).toBe(12);
  const pima = await csv(join(shared, "pima-indians-diabetes.csv"), { target: "c8" });
  expect(pima).toMatchObject({ length: 768, task: "classification" });
  const days = await csv(join(shared, "daily-min-temperatures.csv"), { target: "Temp" });
  expect(days).toMatchObject({ length: 3650, task: "regression" });
  expect(kinds(days.columns)).toEqual(["categorical", "numeric"]);
});
