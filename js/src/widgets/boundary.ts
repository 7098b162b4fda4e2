import { mountBoundary } from "../views/boundary";
import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { widget } from "./host";

export default widget(alone(mountBoundary, epochSlider, temperatureSlider));
