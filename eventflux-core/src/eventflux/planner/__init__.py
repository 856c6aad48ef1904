"""Planner: syntax tree -> logical plan -> operators and programs of the engine."""

from eventflux.planner.plan import EmittedApp, Plan, PlannerOptions, StreamPlan, check, plan

__all__ = ["EmittedApp", "Plan", "PlannerOptions", "StreamPlan", "check", "plan"]
