#!/usr/bin/env python3
"""Golden values of the audio front-end: audio_front_end.py > audio_front_end.json   (needs TensorFlow 2)

The waves are made of whole numbers by a generator that is written down here and in the test, so that both sides have the same
samples. The features are those of tf.signal, which defines the front-end, in float64 but for the mel matrix's own rounding.
"""
import json

import numpy as np
import tensorflow as tf

# name, rate, settings: clip_ms, window_ms, stride_ms, fft, mel bins, coefficients (0: log-mel), band, log offset
CASES = [
    ("mlperf-tiny", 16000, 1000, 30, 20, 512, 40, 10, (20.0, 4000.0), 1e-6),
    ("munas", 16000, 1000, 30, 10, 512, 40, 40, (20.0, 4000.0), 1e-6),
    ("fsdd", 8000, 1000, 30, 20, 256, 40, 10, (20.0, 4000.0), 1e-6),
    ("log-mel", 16000, 500, 25, 12.5, 512, 32, 0, (125.0, 7500.0), 1e-3),
    ("odd", 11025, 300, 21, 7, 300, 13, 13, (0.0, 5512.5), 1e-4),
]


def wave(rate, samples, seed):
    """A rising tone, twice as loud in the middle, with noise of a linear congruential generator; i16."""
    out, state, phase = [], seed, 0
    for n in range(samples):
        state = (state * 1103515245 + 12345) % 2**31
        noise = state // 2**16 % 2001 - 1000
        phase = (phase + 7 * n // 5 + 900) % 65536
        # A triangle of whole numbers instead of a sine: the same on every machine.
        triangle = abs(phase - 32768) - 16384
        out.append(triangle // 4 + noise if samples // 3 < n < samples * 2 // 3 else triangle // 8 + noise)
    return np.array(out, np.int64)


def features(case):
    _, rate, clip_ms, window_ms, stride_ms, fft, bins, coefficients, band, offset = case
    clip, window, stride = (round(rate * ms / 1000) for ms in (clip_ms, window_ms, stride_ms))
    x = tf.constant(wave(rate, clip, 1) / 32768.0, tf.float64)
    stft = tf.signal.stft(x, window, stride, fft, window_fn=tf.signal.hann_window)
    mel = tf.signal.linear_to_mel_weight_matrix(bins, fft // 2 + 1, rate, *band, dtype=tf.float64)
    log_mel = tf.math.log(tf.tensordot(tf.abs(stft), mel, 1) + offset)
    if coefficients == 0:
        return log_mel.numpy()
    # mfccs_from_log_mel_spectrograms takes float32 only; this is its definition.
    dct = tf.cast(tf.signal.dct(tf.cast(log_mel, tf.float32), type=2), tf.float64).numpy()
    check = tf.signal.mfccs_from_log_mel_spectrograms(tf.cast(log_mel, tf.float32)).numpy()
    assert np.allclose(dct / np.sqrt(2.0 * bins), check, atol=1e-4)
    n = np.arange(bins)
    basis = np.cos(np.pi / bins * (n + 0.5)[:, None] * np.arange(coefficients)[None, :]) * np.sqrt(2.0 / bins)
    exact = log_mel.numpy() @ basis
    assert np.allclose(exact, check[:, :coefficients], atol=1e-3)
    return exact


golden = []
for case in CASES:
    found = features(case)
    frames = sorted({0, 1, len(found) // 2, len(found) - 1})
    golden.append({"name": case[0], "shape": list(found.shape), "frames": frames,
                   "values": [[round(float(v), 9) for v in found[frame]] for frame in frames],
                   "sum": float(found.sum())})
print("[\n" + ",\n".join(json.dumps(case) for case in golden) + "\n]")
