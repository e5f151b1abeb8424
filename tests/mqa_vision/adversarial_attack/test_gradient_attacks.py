"""FGSM and PGD: on a linear loss they find the best change of the ball, which is known, and they never leave it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_vision.adversarial_attack.gradient_attacks import Ball, fgsm, pgd

SHAPE = (4, 3, 2, 2)  # images, channels, height, width
EPSILON = 0.1
GREY = np.full(SHAPE, 0.5)  # far enough from black and white that the range takes nothing away
WEIGHTS = np.random.default_rng(7).normal(size=SHAPE)
METHODS = ("fgsm", "pgd")
NORMS = ("linf", "l2")


def attack(method, images, gradient, ball, *, steps=20, seed=7):
    if method == "fgsm":
        return fgsm(images, gradient, ball)
    return pgd(images, gradient, ball, steps, [np.random.default_rng([seed, row]) for row in range(len(images))])


def lengths(change, norm):
    flat = change.reshape(len(change), -1)
    return np.abs(flat).max(axis=1) if norm == "linf" else np.sqrt((flat**2).sum(axis=1))


def best_change(norm):
    """The change in the ball that raises a sum weighted by WEIGHTS most: Hölder's inequality with equality."""
    if norm == "linf":
        return EPSILON * np.sign(WEIGHTS)
    return EPSILON * WEIGHTS / np.sqrt((WEIGHTS**2).sum(axis=(1, 2, 3), keepdims=True))


@pytest.mark.parametrize("norm", NORMS)
def test_one_step_finds_the_best_change_of_a_linear_loss(norm):
    moved = fgsm(GREY, lambda _: WEIGHTS, Ball(norm, EPSILON))
    np.testing.assert_allclose(moved - GREY, best_change(norm), atol=1e-12)


def test_steps_from_any_start_find_the_best_change_within_every_value():
    moved = pgd(GREY, lambda _: WEIGHTS, Ball("linf", EPSILON), 5, [np.random.default_rng(row) for row in range(4)])
    np.testing.assert_allclose(moved - GREY, best_change("linf"), atol=1e-12)


def test_steps_from_any_start_come_close_to_the_best_change_of_a_length():
    moved = attack("pgd", GREY, lambda _: WEIGHTS, Ball("l2", EPSILON))
    reached, best = ((WEIGHTS * change).sum(axis=(1, 2, 3)) for change in (moved - GREY, best_change("l2")))
    # Steps of 2.5 radii along the border turn a start at right angles to 9 degrees, whose cosine is 0.987.
    assert (reached > 0.98 * best).all()
    assert (reached <= best + 1e-12).all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15)
@given(seed=st.integers(0, 1000), epsilon=st.sampled_from([0.0, 1e-3, 0.1, 0.7, 3.0]))
def test_what_is_found_lies_in_the_ball_and_between_black_and_white(method, norm, seed, epsilon):
    rng = np.random.default_rng(seed)
    images = rng.choice([0.0, 0.02, 0.5, 1.0], SHAPE)
    moved = attack(method, images, lambda pixels: np.cos(9 * pixels), Ball(norm, epsilon), steps=3, seed=seed)
    assert (lengths(moved - images, norm) <= epsilon + 1e-9).all()
    assert moved.min() >= 0.0
    assert moved.max() <= 1.0


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("method", METHODS)
def test_an_epsilon_of_0_changes_nothing(method, norm):
    images = np.random.default_rng(7).uniform(size=SHAPE)
    assert (attack(method, images, lambda _: WEIGHTS, Ball(norm, 0.0)) == images).all()


@pytest.mark.parametrize("norm", NORMS)
def test_where_there_is_no_gradient_there_is_no_step(norm):
    images = np.random.default_rng(7).uniform(size=SHAPE)
    assert (fgsm(images, np.zeros_like, Ball(norm, EPSILON)) == images).all()


@pytest.mark.parametrize("norm", NORMS)
def test_a_start_is_drawn_from_the_whole_ball_by_the_generator(norm):
    ball = Ball(norm, EPSILON)
    draws = np.stack([ball.draw(np.random.default_rng(seed), (1, 1, 2)) for seed in range(500)])
    assert lengths(draws, norm).max() <= EPSILON
    share = (lengths(draws, norm) < EPSILON / 2).mean()  # of its area, in two dimensions: a quarter
    assert abs(share - 0.25) < 0.06
    assert (draws[3] == ball.draw(np.random.default_rng(3), (1, 1, 2))).all()
