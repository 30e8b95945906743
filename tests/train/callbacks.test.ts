import { describe, expect, test } from "vitest";
import { type Callbacks, data, type EpochLog, optim } from "./imports.js";
import { bits, classifier, clouds } from "./problems.js";

const quiet = { progress: false } as const;

describe("callbacks and loops", () => {
  test("are called in order and waited for", async () => {
    const calls: string[] = [];
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
    const note = (text: string) => async () => {
      await pause();
      calls.push(text);
    };
    const trainer = classifier();
    const first: Callbacks = {
      onTrainBegin: note("begin"),
      onEpochBegin: async (epoch) => {
        await pause();
        calls.push(`epoch ${epoch}`);
      },
      onEpochEnd: async (log: EpochLog, own) => {
        await pause();
        expect(own).toBe(trainer);
        calls.push(`end ${log.epoch}`);
      },
      onTrainEnd: note("done"),
    };
    await trainer.fit(clouds(), {
      epochs: 2,
      callbacks: [first, { onEpochEnd: () => void calls.push("second") }],
      ...quiet,
    });
    expect(calls).toEqual(["begin", "epoch 1", "end 1", "second", "epoch 2", "end 2", "second", "done"]);
  });

  test("onEpochEnd ends the training by false; stop() does, too", async () => {
    const trainer = classifier();
    const one = await trainer.fit(clouds(), {
      epochs: 9,
      callbacks: { onEpochEnd: (log) => log.epoch < 2 },
      ...quiet,
    });
    expect([one.epochs.length, one.ended]).toEqual([2, "stopped"]);
    const two = await trainer.fit(clouds(), {
      epochs: 9,
      callbacks: { onEpochBegin: () => trainer.stop() },
      ...quiet,
    });
    expect([two.epochs.length, two.ended]).toEqual([1, "stopped"]);
  });

  test("an error in a callback ends the training; the model is free again", async () => {
    const trainer = classifier();
    const ended: string[] = [];
    const callbacks: Callbacks = {
      onEpochEnd: () => {
        throw new Error("mine");
      },
      onTrainEnd: () => ended.push("end"),
    };
    await expect(trainer.fit(clouds(), { epochs: 3, callbacks, ...quiet })).rejects.toThrow("mine");
    expect(ended).toEqual(["end"]);
    expect(trainer.epoch).toBe(1);
    await trainer.fit(clouds(), { epochs: 1, ...quiet });
  });

  test("epochs can be looped over and left", async () => {
    const [looped, fitted] = [classifier(), classifier()];
    const logs: number[] = [];
    for await (const log of looped.epochs(clouds(), { epochs: 10, ...quiet })) {
      logs.push(log.epoch);
      if (log.epoch === 3) break;
    }
    expect(logs).toEqual([1, 2, 3]);
    await fitted.fit(clouds(), { epochs: 3, ...quiet });
    expect(bits(looped.model)).toEqual(bits(fitted.model));
    await looped.fit(clouds(), { epochs: 1, ...quiet });
  });

  test("early stopping ends in time and restores the best epoch", async () => {
    const kept: string[][] = [];
    // Accuracy on labels that have nothing to do with the data: the best epoch comes early.
    const validation = new data.Dataset({
      features: clouds(30, 4).features,
      shape: [2],
      targets: Int32Array.from({ length: 30 }, (_, i) => (i * i) % 3),
    });
    const trainer = classifier({ optimizer: new optim.Adam({ learningRate: 0.05 }) });
    const history = await trainer.fit(clouds(), {
      epochs: 200,
      validation,
      earlyStopping: { patience: 5, monitor: "validation.accuracy" },
      callbacks: { onEpochEnd: () => void kept.push(bits(trainer.model)) },
      ...quiet,
    });
    expect(history.ended).toBe("early");
    const { epoch, value } = history.best!;
    expect(history.epochs.length).toBe(epoch + 5);
    expect(value).toBe(Math.max(...history.epochs.map((log) => log.validation!.accuracy!)));
    expect(bits(trainer.model)).toEqual(kept[epoch - 1]);
    expect((await trainer.evaluate(validation)).accuracy).toBe(value);
  });

  test("early stopping may leave the last epoch and ask for more than a trifle", async () => {
    const trainer = classifier({ optimizer: new optim.SGD({ learningRate: 1e-6 }) });
    const kept: string[][] = [];
    const history = await trainer.fit(clouds(), {
      epochs: 50,
      earlyStopping: { patience: 3, minDelta: 0.5, restoreBest: false },
      callbacks: { onEpochEnd: () => void kept.push(bits(trainer.model)) },
      ...quiet,
    });
    expect(history.best!.epoch).toBe(1);
    expect(history.epochs.length).toBe(4);
    expect(bits(trainer.model)).toEqual(kept[3]);
  });

  test.each([0, 1])("patience %i: the first epoch without improvement is the last", async (patience) => {
    const history = await classifier().fit(clouds(), {
      epochs: 50,
      earlyStopping: { patience, minDelta: 100 },
      ...quiet,
    });
    expect(history.epochs.length).toBe(2);
  });

  test("an unknown monitor names those there are", async () => {
    const fit = classifier().fit(clouds(), {
      epochs: 2,
      earlyStopping: { patience: 1, monitor: "val_loss" },
      ...quiet,
    });
    await expect(fit).rejects.toThrow(
      /one of loss, penalty, gradNorm, accuracy for monitor but received "val_loss"/,
    );
  });
});
