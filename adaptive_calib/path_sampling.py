"""emdcmp's familiar place for sampling quantile paths; see `adaptive_calib.emd.path_sampling`."""

from adaptive_calib.emd.path_sampling import draw_from_beta, generate_path_hierarchical_beta, generate_quantile_paths

__all__ = ["draw_from_beta", "generate_path_hierarchical_beta", "generate_quantile_paths"]
